package packetmqpeer

// Calls of package call, from goroutines that wait and from the loop.

import (
	"context"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// echoCall is asked and answered with the same value.
var echoCall = call.Define[caller.Value, caller.Value]("bench:call", 19, registry.Reuse())

// Call puts a load of call.Do on a server in mode call.
func Call(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	cli, err := newClient(peer.Events{}, echoCall.Packets()...)
	if err != nil {
		return caller.Result{}, err
	}
	defer cli.Close()
	return caller.TypedCalls(ctx, cfg, func(ctx context.Context) (caller.Typed, error) {
		c, err := cli.Connect(ctx, cfg.Addr)
		return doConn{c}, err
	})
}

type doConn struct{ *peer.Conn }

func (c doConn) Call(ask, answer *caller.Value) error {
	a, err := call.Do(context.Background(), c.Conn, echoCall, ask)
	if err == nil {
		*answer = *a
	}
	return err
}

// Go puts a load of call.Go on a server in mode call.
func Go(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	cli, err := newClient(peer.Events{}, echoCall.Packets()...)
	if err != nil {
		return caller.Result{}, err
	}
	defer cli.Close()
	return caller.AsyncCalls(ctx, cfg, func(ctx context.Context) (caller.Async, error) {
		c, err := cli.Connect(ctx, cfg.Addr)
		return goConn{c}, err
	})
}

type goConn struct{ *peer.Conn }

func (c goConn) Go(ask *caller.Value, done func(*caller.Value, error)) {
	call.Go(c.Conn, echoCall, ask, 0, done)
}

func (c goConn) Post(f func()) error { return c.Loop().Post(f) }
