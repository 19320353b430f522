package arpcpeer

import (
	"context"
	"net"
	"time"

	"github.com/lesismal/arpc"
	"github.com/lesismal/arpc/log"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// timeout ends a call that is not answered. No sample takes so long.
const timeout = time.Minute

// Call puts load on a server.
func Call(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	log.SetLevel(log.LevelNone)
	return caller.TypedCalls(ctx, cfg, func(ctx context.Context) (caller.Typed, error) {
		c, err := arpc.NewClient(func() (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", cfg.Addr)
		})
		if err != nil {
			return nil, err
		}
		c.Codec = mp{}
		return client{c}, nil
	})
}

type client struct{ *arpc.Client }

func (c client) Call(ask, answer *caller.Value) error {
	return c.Client.Call(method, ask, answer, timeout)
}

// Close implements caller.Typed.
func (c client) Close() error {
	c.Stop()
	return nil
}
