package bench

import (
	"errors"
	"io"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// A client begins sessions, and an address has its bound.
func TestOpenSessions(t *testing.T) {
	srv, err := newServer(modeRaw, 1, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	openSessions(srv)
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	reg := registry.NewAdapting()
	if _, err := addUntyped(reg); err != nil {
		t.Fatal(err)
	}
	cli := peer.NewClient(reg, nil)
	defer cli.Close()
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	for n := range sessionsPerAddr + 1 {
		_, err := session.Dial(t.Context(), cli, "tcp://"+ln.Addr().String(), nil)
		if want := n == sessionsPerAddr; errors.Is(err, session.ErrTooMany) != want || err != nil && !want {
			t.Fatalf("session %d: %v", n, err)
		}
	}
}
