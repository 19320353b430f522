package packetmqpeer

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/echo"
	"github.com/packetmq/packetmq/bench/versus/peertest"
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
