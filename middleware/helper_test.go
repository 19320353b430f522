package middleware

// What tests of this package run: two peers on a virtual reactor, whose loop takes its turns
// on the test's goroutine.

import (
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// ping is the packet of the tests.
var ping = registry.Define[string]("test:ping", 17)

// world is a server with middleware and a client that is connected to it.
type world struct {
	t       *testing.T
	v       *engine.Virtual
	handled []string // the packets that came to the handler
	lost    error    // why the server's conn ended
	conn    *peer.Conn
}

// newWorld makes a server whose handler notes each packet and then calls also, which may be nil.
func newWorld(t *testing.T, also func(c *peer.Conn, text string) error, m ...peer.Middleware) *world {
	t.Helper()
	w := &world{t: t, v: engine.NewVirtual(nil)}
	t.Cleanup(w.v.Close)
	sreg, creg := registry.New(), registry.NewAdapting()
	sreg.MustAdd(ping)
	creg.MustAdd(ping)
	srv := peer.NewMemoryServer(sreg, &peer.Config{Reactor: w.v.Reactor(), Events: peer.Events{
		OnLost: func(_ *peer.Conn, reason error) { w.lost = reason },
	}})
	cli := peer.NewMemoryClient(creg, &peer.Config{Reactor: w.v.Reactor(), Events: peer.Events{
		OnMade: func(c *peer.Conn) { w.conn = c },
	}})
	srv.Use(m...)
	peer.Handle(srv, ping, func(c *peer.Conn, text *string) error {
		w.handled = append(w.handled, *text)
		if also != nil {
			return also(c, *text)
		}
		return nil
	})
	if err := cli.ConnectAsync(srv); err != nil {
		t.Fatal(err)
	}
	if w.v.Settle(1000); w.conn == nil {
		t.Fatal("not connected")
	}
	return w
}

// send sends packets and has them handled.
func (w *world) send(texts ...string) {
	w.t.Helper()
	for _, text := range texts {
		peer.Send(w.conn, ping, &text) // an error means that the conn has ended, which tests look at
	}
	if !w.v.Settle(10000) {
		w.t.Fatal("the loops do not come to rest")
	}
}
