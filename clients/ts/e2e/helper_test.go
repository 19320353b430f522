package e2e

import (
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

// side is what becomes of a server's conns.
type side struct {
	*peer.Server
	made chan *peer.Conn
	lost chan error
}

// listen starts a server with the packets of the tests, which setUp has handle them, at
// ws://127.0.0.1:0. Options change its Config before.
func listen(t testing.TB, setUp func(s *side), options ...func(*peer.Config)) (addr string) {
	t.Helper()
	s := &side{made: make(chan *peer.Conn, 100), lost: make(chan error, 100)}
	reg := registry.New()
	reg.MustAdd(packets()...)
	cfg := &peer.Config{
		Identity: peer.Identity{Version: "server 3"},
		Events: peer.Events{
			OnMade: func(c *peer.Conn) { s.made <- c },
			OnLost: func(_ *peer.Conn, reason error) { s.lost <- reason },
		},
	}
	for _, option := range options {
		option(cfg)
	}
	s.Server = peer.NewServer(reg, cfg)
	setUp(s)
	if err := websocket.Enable(s, &websocket.Config{Origins: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	ln, err := s.Listen("any://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return "ws://" + ln.Addr().String() + "/"
}

// next takes what comes next.
func next[T any](t testing.TB, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return v
}
