package netrpcpeer

import (
	"context"
	"net"
	"net/rpc"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// Call puts load on a server.
func Call(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.TypedCalls(ctx, cfg, func(ctx context.Context) (caller.Typed, error) {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", cfg.Addr)
		if err != nil {
			return nil, err
		}
		return client{rpc.NewClient(nc)}, nil
	})
}

type client struct{ *rpc.Client }

func (c client) Call(ask, answer *caller.Value) error { return c.Client.Call(method, ask, answer) }

// Close implements caller.Typed. The library's own fails the second time.
func (c client) Close() error {
	if err := c.Client.Close(); err != rpc.ErrShutdown {
		return err
	}
	return nil
}
