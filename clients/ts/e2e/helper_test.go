package e2e

import (
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

// side is what becomes of a server's conns.
type side struct {
	made chan *peer.Conn
	lost chan error
}

// listen starts a server with packets, which setUp may add to, at ws://127.0.0.1:0.
func listen(t *testing.T, packets []registry.Definition, setUp func(srv *peer.Server)) (addr string, s *side) {
	t.Helper()
	s = &side{make(chan *peer.Conn, 100), make(chan error, 100)}
	reg := registry.New()
	reg.MustAdd(packets...)
	srv := peer.NewServer(reg, &peer.Config{
		Identity: peer.Identity{Version: "server 3"},
		Events: peer.Events{
			OnMade: func(c *peer.Conn) { s.made <- c },
			OnLost: func(_ *peer.Conn, reason error) { s.lost <- reason },
		},
	})
	setUp(srv)
	if err := websocket.Enable(srv, &websocket.Config{Origins: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	ln, err := srv.Listen("any://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return "ws://" + ln.Addr().String() + "/", s
}
