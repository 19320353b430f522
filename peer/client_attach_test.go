package peer

import (
	"testing"

	"github.com/packetmq/packetmq/memconn"
	"github.com/packetmq/packetmq/registry"
)

// A client and a server talk over a transport that neither of them has made.
func TestClientAttach(t *testing.T) {
	sreg, creg := registry.New(), registry.NewAdapting()
	noted := registry.Define[string]("test:note", 40)
	sreg.MustAdd(noted)
	creg.MustAdd(noted)
	srv, cli := NewServer(sreg, nil), NewClient(creg, nil)
	got := make(chan string, 1)
	Handle(srv, noted, func(_ *Conn, v *string) error { got <- *v; return nil })
	run(t, srv.Peer)
	run(t, cli.Peer)
	near, far := memconn.Pair(cli.Reactor().Buffers(), srv.Reactor().Buffers())
	if _, err := srv.Attach(far, nil); err != nil {
		t.Fatal(err)
	}
	c, err := cli.Attach(t.Context(), near, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := "over a pair"
	if err := Send(c, noted, &text); err != nil {
		t.Fatal(err)
	}
	if v := wait(t, "note", got); v != text {
		t.Errorf("got %q", v)
	}
	if _, err := cli.Attach(t.Context(), nil, nil); err == nil {
		t.Error("no transport was taken")
	}
	if _, err := srv.Attach(nil, nil); err == nil {
		t.Error("no transport was taken")
	}
}
