package e2e

import (
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Note is the packet of the tests. The ids of the scripts are others.
type Note struct {
	N    int32  `msgpack:"n"`
	Text string `msgpack:"text"`
}

var (
	note = registry.Define[Note]("test:note", 40)
	echo = registry.Define[Note]("test:echo", 41)
)

// A client does the handshake, takes over the ids, and sends and gets a packet. Its reason
// reaches the server.
func TestOnePacket(t *testing.T) {
	type seen struct {
		N                     int32
		Text, Version, Reason string
	}
	var s *side
	everywhere(t, "note", func(t *testing.T) (addr string) {
		addr, s = listen(t, []registry.Definition{note, echo}, func(srv *peer.Server) {
			peer.Handle(srv, note, func(c *peer.Conn, v *Note) error { return peer.Reply(c, echo, v) })
		})
		return addr
	}, func(t *testing.T, got seen) {
		if want := (seen{7, "hello from a script", "server 3", "reason.bye"}); got != want {
			t.Errorf("the script has seen %+v, want %+v", got, want)
		}
		if reason := next(t, "end", s.lost); reason != error(peer.Reason("reason.bye")) {
			t.Errorf("the server was told %v", reason)
		}
	})
}

// next takes what comes next.
func next[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return v
}
