package interop

import (
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

// note is the packet of the tests.
type note struct {
	N    int    `msgpack:"n"`
	Body []byte `msgpack:"body"`
}

const noteID = 40

var noted = registry.Define[note]("test:note", noteID)

// side is a peer, and what becomes of its conns.
type side struct {
	made  chan *peer.Conn
	lost  chan error
	notes chan note
}

func newSide() *side {
	return &side{make(chan *peer.Conn, 100), make(chan error, 100), make(chan note, 20000)}
}

func (s *side) events() peer.Events {
	return peer.Events{
		OnMade: func(c *peer.Conn) { s.made <- c },
		OnLost: func(_ *peer.Conn, reason error) { s.lost <- reason },
	}
}

// serve starts a server that answers each note with the same, at scheme://127.0.0.1:0.
func serve(t *testing.T, scheme string, cfg *websocket.Config, setUp func(*peer.Config)) (*peer.Server, *side, string) {
	t.Helper()
	leak.Check(t)
	s := newSide()
	pc := peer.Config{Events: s.events()}
	if setUp != nil {
		setUp(&pc)
	}
	reg := registry.New()
	reg.MustAdd(noted)
	srv := peer.NewServer(reg, &pc)
	peer.Handle(srv, noted, func(c *peer.Conn, v *note) error { return peer.Reply(c, noted, v) })
	if err := websocket.Enable(srv, cfg); err != nil {
		t.Fatal(err)
	}
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	ln, err := srv.Listen(scheme + "://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return srv, s, ln.Addr().String()
}

// client starts a client whose notes arrive in its side.
func client(t *testing.T) (*peer.Client, *side) {
	t.Helper()
	s := newSide()
	reg := registry.NewAdapting()
	reg.MustAdd(noted)
	cli := peer.NewClient(reg, &peer.Config{Events: s.events()})
	peer.Handle(cli, noted, func(_ *peer.Conn, v *note) error { s.notes <- *v; return nil })
	if err := websocket.Enable(cli, nil); err != nil {
		t.Fatal(err)
	}
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	return cli, s
}

// wantEchoes sends notes of many sizes, and waits for them to come back in order.
func wantEchoes(t *testing.T, c *peer.Conn, s *side) {
	t.Helper()
	sizes := []int{0, 1, 50, 100, 125, 126, 127, 1000, 65500, 65536, 70000, 300000, 3}
	for i, n := range sizes {
		if err := peer.Send(c, noted, &note{i, make([]byte, n)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range sizes {
		if v := next(t, "note", s.notes); v.N != i || len(v.Body) != n {
			t.Fatalf("note %d of %d bytes, want %d of %d", v.N, len(v.Body), i, n)
		}
	}
}

func next[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return v
}
