package rate

// What tests of this package run: a server with a Limiter and memory clients on a virtual
// reactor, whose loop takes its turns on the test's goroutine, and whose clock the test moves.

import (
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// The packets of the tests.
var (
	ping = registry.Define[string]("test:ping", 17)
	pong = registry.Define[string]("test:pong", 18)
)

type world struct {
	tb      testing.TB
	v       *engine.Virtual
	reg     *registry.Registry
	server  *peer.MemoryServer
	handled int   // packets that came to a handler
	lost    error // why the last conn ended on the server
}

// newWorld makes a server with middleware around all of its handlers.
func newWorld(tb testing.TB, m ...peer.Middleware) *world {
	tb.Helper()
	w := &world{tb: tb, v: engine.NewVirtual(nil), reg: registry.New()}
	tb.Cleanup(w.v.Close)
	w.reg.MustAdd(ping, pong)
	w.server = peer.NewMemoryServer(w.reg, &peer.Config{Reactor: w.v.Reactor(), Events: peer.Events{
		OnLost: func(_ *peer.Conn, reason error) { w.lost = reason },
	}})
	w.server.Use(m...)
	w.handle()
	return w
}

// handle sets handlers that count their packets.
func (w *world) handle(pings ...peer.HandleOption) {
	count := func(*peer.Conn, *string) error { w.handled++; return nil }
	peer.Handle(w.server, ping, count, pings...)
	peer.Handle(w.server, pong, count)
}

// connect returns a client's end of a new conn.
func (w *world) connect() (conn *peer.Conn) {
	w.tb.Helper()
	client := peer.NewMemoryClient(w.reg, &peer.Config{Reactor: w.v.Reactor(), Events: peer.Events{
		OnMade: func(c *peer.Conn) { conn = c },
	}})
	if err := client.ConnectAsync(w.server); err != nil {
		w.tb.Fatal(err)
	}
	if w.v.Settle(1000); conn == nil {
		w.tb.Fatal("not connected")
	}
	return conn
}

// send sends n packets, and returns how many of them came to the handler.
func (w *world) send(c *peer.Conn, pkt registry.Packet[string], n int) int {
	w.tb.Helper()
	before, text := w.handled, "x"
	for range n {
		peer.Send(c, pkt, &text) // an error means that the conn has ended, which tests look at
	}
	if !w.v.Settle(100000) {
		w.tb.Fatal("the loops do not come to rest")
	}
	return w.handled - before
}
