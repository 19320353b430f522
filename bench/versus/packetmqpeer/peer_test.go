package packetmqpeer

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/echo"
	"github.com/packetmq/packetmq/bench/versus/peertest"
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// serve is what bin/bench serve --mode typed does.
func serve(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode != "typed" {
		return fmt.Errorf("no mode %q", mode)
	}
	ask := registry.Define[caller.Value]("bench:echo", echo.RequestID, registry.Reuse())
	reg := registry.New()
	if err := reg.Add(ask, reply); err != nil {
		return err
	}
	srv := peer.NewServer(reg, nil)
	defer srv.Close()
	peer.Handle(srv, ask, func(c *peer.Conn, v *caller.Value) error { return peer.Reply(c, reply, v) })
	return listen(ctx, srv, addr, out)
}

// listen runs a server until ctx is done.
func listen(ctx context.Context, srv *peer.Server, addr string, out io.Writer) error {
	if err := srv.RunAsync(); err != nil {
		return err
	}
	ln, err := srv.Listen(addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "listening", ln.Addr())
	<-ctx.Done()
	return nil
}

func TestTypedCalls(t *testing.T) {
	peertest.Test(t, peertest.Peer{Serve: serve, Call: CallTyped, Mode: "typed"})
}

// serveCalls is what bin/bench serve --mode call does.
func serveCalls(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode != "call" {
		return fmt.Errorf("no mode %q", mode)
	}
	reg := registry.New()
	if err := reg.Add(echoCall.Packets()...); err != nil {
		return err
	}
	srv := peer.NewServer(reg, nil)
	defer srv.Close()
	call.Handle(srv, echoCall, func(_ *call.Context, v *caller.Value) (*caller.Value, error) { return v, nil })
	return listen(ctx, srv, addr, out)
}

func TestCalls(t *testing.T) {
	peertest.Test(t, peertest.Peer{Serve: serveCalls, Call: Call, Mode: "call"})
}

func TestCallsFromTheLoop(t *testing.T) {
	peertest.Test(t, peertest.Peer{Serve: serveCalls, Call: Go, Mode: "call"})
}

// A conn that ends fails the calls under way on it, and those that come later.
func TestLostConn(t *testing.T) {
	c := &typedConn{waiting: make(map[uint64]*wait)}
	w := &wait{done: make(chan error, 1)}
	if !c.add(1, w) {
		t.Fatal("not added")
	}
	c.lost(io.EOF)
	if err := <-w.done; err != io.EOF {
		t.Errorf("got %v", err)
	}
	if err := c.Call(&caller.Value{Seq: 2}, new(caller.Value)); err != errLost {
		t.Errorf("got %v", err)
	}
	c.answered(&caller.Value{Seq: 1}) // too late for anybody
}
