package peer

// What tests of this package wait with, run peers with and look into them with.

import (
	"context"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
)

// eventually waits for what another goroutine is about to have done, and for
// which it gives no event.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}

const patience = await.Patience

// wait returns what arrives on ch, or fails the test.
func wait[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	return await.Value(t, what, ch)
}

// nothing fails the test if something is on ch already.
func nothing[T any](t *testing.T, what string, ch <-chan T) {
	t.Helper()
	select {
	case v := <-ch:
		t.Errorf("unexpected %s: %v", what, v)
	default:
	}
}

// run runs a peer until the test ends, and looks for what is left.
func run(t *testing.T, p *Peer) {
	t.Helper()
	leak.Check(t)
	t.Cleanup(func() {
		p.Close()
		if n := p.Reactor().Buffers().Out(); n != 0 {
			t.Errorf("%d buffers are left", n)
		}
	})
	if err := p.RunAsync(); err != nil {
		t.Fatal(err)
	}
}

// open has a server listen, and run until the test ends.
func open(t *testing.T, server *Server) *engine.Listener {
	t.Helper()
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	run(t, server.Peer)
	return ln
}

// onLoop calls fn on the conn's loop.
func onLoop(t *testing.T, c *Conn, fn func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.Loop().Call(ctx, fn); err != nil {
		t.Fatal(err)
	}
}
