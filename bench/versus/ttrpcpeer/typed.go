package ttrpcpeer

// Calls of a message with fields.

import (
	"context"
	"net"

	"github.com/containerd/ttrpc"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/echopb"
)

func echoTyped(_ context.Context, unmarshal func(any) error) (any, error) {
	m := new(echopb.Echo)
	if err := unmarshal(m); err != nil {
		return nil, err
	}
	return m, nil
}

// CallTyped puts a load of typed calls on a server in mode call.
func CallTyped(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.TypedCalls(ctx, cfg, func(ctx context.Context) (caller.Typed, error) {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", cfg.Addr)
		if err != nil {
			return nil, err
		}
		return typedClient{ttrpc.NewClient(nc)}, nil
	})
}

type typedClient struct{ *ttrpc.Client }

func (c typedClient) Call(ask, answer *caller.Value) error {
	var reply echopb.Echo
	if err := c.Client.Call(context.Background(), service, method, echopb.From(ask), &reply); err != nil {
		return err
	}
	reply.Fill(answer)
	return nil
}
