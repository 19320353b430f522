package session

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// An address has so many sessions at most, those that are away included; one that ends makes
// room.
func TestSessionsPerAddr(t *testing.T) {
	leak.Check(t)
	p := newPair(t, Config{Service: Service{PerAddr: 2}})
	ln, err := p.server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reg := registry.NewAdapting()
	reg.MustAdd(news, plain)
	cli := peer.NewClient(reg, nil)
	cli.RunAsync()
	t.Cleanup(func() { cli.Close() })
	dial := func() (*Session, error) { return Dial(t.Context(), cli, "tcp://"+ln.Addr().String(), nil) }
	var all []*Session
	for range 2 {
		s, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	all[0].Conn().Abort(errors.New("cut")) // it is away, and counts
	if _, err := dial(); err != ErrTooMany {
		t.Errorf("one more: %v", err)
	}
	if _, err := DialMemory(t.Context(), p.client(t), p.server, nil); err != nil {
		t.Errorf("a conn without an address: %v", err)
	}
	all[1].End("test.over")
	await.True(t, "room for one more", func() bool { _, err := dial(); return err == nil })
}

// By default the bound is a part of all sessions, and none for this machine.
func TestBoundPerAddr(t *testing.T) {
	for _, test := range []struct {
		addr              string
		perAddr, sessions int
		want              int
	}{
		{"192.0.2.7", 0, DefaultSessions, 4096},
		{"192.0.2.7", 0, 100, 64},
		{"192.0.2.7", 5, DefaultSessions, 5},
		{"127.0.0.1", 0, DefaultSessions, DefaultSessions},
		{"::1", 5, DefaultSessions, 5},
	} {
		cfg := &Config{Service: Service{PerAddr: test.perAddr, Sessions: test.sessions}}
		if got := perAddrBound(netip.MustParseAddr(test.addr), cfg); got != test.want {
			t.Errorf("%s with %d of %d may have %d, want %d", test.addr, test.perAddr, test.sessions, got, test.want)
		}
	}
}
