package room

// hall: a server with rooms and many members in memory, on a virtual reactor, whose loops take
// their turns on the test's goroutine.

import (
	"fmt"
	"slices"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type hall struct {
	tb     testing.TB
	v      *engine.Virtual
	reg    *registry.Registry
	server *peer.MemoryServer
	rooms  *Rooms
	told   []string              // what Joined and Left were called with
	names  map[Member]string     // of members, for told
	got    map[string][]int      // what each member's client has got
	ends   map[string]*peer.Conn // the clients' ends
}

func newHall(tb testing.TB, cfg Config) *hall {
	tb.Helper()
	h := &hall{tb: tb, v: engine.NewVirtual(&engine.Config{MaxPending: 256 << 10}), reg: registry.New(), names: make(map[Member]string),
		got: make(map[string][]int), ends: make(map[string]*peer.Conn)}
	tb.Cleanup(h.v.Close)
	h.reg.MustAdd(news)
	h.server = peer.NewMemoryServer(h.reg, &peer.Config{Reactor: h.v.Reactor()})
	if cfg.Joined == nil {
		cfg.Joined = func(r Room, m Member) { h.tell("%s joined %s", m, r) }
	}
	if cfg.Left == nil {
		cfg.Left = func(r Room, m Member, reason error) { h.tell("%s left %s: %v", m, r, reason) }
	}
	h.rooms = New(h.server, &cfg)
	return h
}

func (h *hall) tell(format string, m Member, r Room, rest ...any) {
	if !m.Loop().Here() {
		h.tb.Error("the program is told on another goroutine than the member's loop")
	}
	h.told = append(h.told, fmt.Sprintf(format, append([]any{h.names[m], r.Name()}, rest...)...))
}

// enter connects a client, and returns the server's conn of it.
func (h *hall) enter(name string) (member *peer.Conn) {
	h.tb.Helper()
	cfg := &peer.Config{Reactor: h.v.Reactor()}
	cfg.OnMade = func(c *peer.Conn) { h.ends[name] = c }
	client := peer.NewMemoryClient(h.reg, cfg)
	peer.Handle(client, news, func(_ *peer.Conn, n *note) error {
		h.got[name] = append(h.got[name], n.N)
		return nil
	})
	if err := client.ConnectAsync(h.server); err != nil {
		h.tb.Fatal(err)
	}
	h.settle()
	for c := range h.server.Conns() {
		if _, known := h.names[c]; !known {
			h.names[c], member = name, c
		}
	}
	if member == nil || h.ends[name] == nil {
		h.tb.Fatal("not connected")
	}
	return member
}

func (h *hall) settle() {
	h.tb.Helper()
	if !h.v.Settle(100000) {
		h.tb.Fatal("the loops do not come to rest")
	}
}

// wantTold settles, and compares what the program was told since the last time.
func (h *hall) wantTold(want ...string) {
	h.tb.Helper()
	h.settle()
	if !slices.Equal(h.told, want) {
		h.tb.Errorf("the program was told %q, want %q", h.told, want)
	}
	h.told = nil
}

// wantGot settles, and compares what the client of a name has got since the last time.
func (h *hall) wantGot(name string, want ...int) {
	h.tb.Helper()
	h.settle()
	if !slices.Equal(h.got[name], want) {
		h.tb.Errorf("%s got %v, want %v", name, h.got[name], want)
	}
	delete(h.got, name)
}

func join(t testing.TB, r Room, members ...Member) {
	t.Helper()
	for _, m := range members {
		if err := r.Join(m); err != nil {
			t.Fatal(err)
		}
	}
}

func send(t testing.TB, r Room, n int, options ...Option) {
	t.Helper()
	if err := Send(r, news, &note{n}, options...); err != nil {
		t.Fatal(err)
	}
}
