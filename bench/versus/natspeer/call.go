package natspeer

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// timeout is that of a request: far longer than any takes, and longer than a
// load has patience.
const timeout = 30 * time.Second

// Call puts load on a server.
func Call(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.Calls(ctx, cfg, func(context.Context) (caller.Unary, error) {
		nc, err := nats.Connect("nats://"+cfg.Addr, nats.NoReconnect())
		if err != nil {
			return nil, err
		}
		return Client{nc}, nil
	})
}

// Client makes the requests of one conn. It implements caller.Unary.
type Client struct{ Conn *nats.Conn }

func (c Client) Call(payload []byte) ([]byte, error) {
	m, err := c.Conn.Request(Subject, payload, timeout)
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

func (c Client) Close() error {
	c.Conn.Close()
	return nil
}
