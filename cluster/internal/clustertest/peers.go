package clustertest

// Servers and clients, which end with their test.

import (
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// NewServer makes a server that answers Double. It does not run yet.
func NewServer(t testing.TB, name string, cfg *peer.Config) *peer.Server {
	t.Helper()
	srv := peer.NewServer(WithPackets(registry.New()), cfg)
	call.Handle(srv, Double, func(_ *call.Context, v *int) (*string, error) {
		text := fmt.Sprint(name, " ", 2**v)
		return &text, nil
	})
	t.Cleanup(func() { srv.Close() })
	return srv
}

// Run runs a server, and returns the address where it listens.
func Run(t testing.TB, srv *peer.Server) string {
	t.Helper()
	if err := srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	ln, err := srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return "tcp://" + ln.Addr().String()
}

// notes is how many notes a client may have got that its test has not read yet: more than any test
// sends, so that the client's loop never waits for the test.
const notes = 100_000

// NewClient makes a client that runs, and returns it with the notes that come to it.
func NewClient(t testing.TB, cfg *peer.Config) (*peer.Client, chan Note) {
	t.Helper()
	cli := peer.NewClient(WithPackets(registry.NewAdapting()), cfg)
	got := make(chan Note, notes)
	peer.Handle(cli, Noted, func(_ *peer.Conn, v *Note) error { got <- *v; return nil })
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	return cli, got
}
