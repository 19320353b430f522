package ttrpcpeer

import (
	"context"
	"net"

	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// Call puts load on a server.
func Call(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.Calls(ctx, cfg, func(ctx context.Context) (caller.Unary, error) {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", cfg.Addr)
		if err != nil {
			return nil, err
		}
		return client{ttrpc.NewClient(nc)}, nil
	})
}

type client struct{ *ttrpc.Client }

func (c client) Call(payload []byte) ([]byte, error) {
	var reply wrapperspb.BytesValue
	err := c.Client.Call(context.Background(), service, method, &wrapperspb.BytesValue{Value: payload}, &reply)
	return reply.Value, err
}
