package room

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// guest is a member that takes no memory to speak of, so that there can be many.
type guest struct {
	loop *engine.Loop
	lost func(error)
}

func (g *guest) Loop() *engine.Loop                   { return g.loop }
func (g *guest) OnLost(f func(error)) (_ func() bool) { g.lost = f; return nil }
func (g *guest) SendEncoded(*peer.Encoded) error      { return nil }

// guests are members of a server that has no conns.
func guests(tb testing.TB, n int) (*peer.MemoryServer, []*guest) {
	tb.Helper()
	reg := registry.New()
	reg.MustAdd(news)
	srv := peer.NewMemoryServer(reg, nil)
	tb.Cleanup(func() { srv.Close() })
	all, list := make([]guest, n), make([]*guest, n)
	for i := range all {
		all[i].loop = srv.Reactor().Loops()[0]
		list[i] = &all[i]
	}
	return srv, list
}

// names are the names of n rooms.
func names(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint("room ", i))
	}
	return list
}

// joinSpread has guest i join rooms i, i+1 and so on.
func joinSpread(tb testing.TB, rooms *Rooms, names []string, all []*guest, each int) {
	for i, g := range all {
		for k := range each {
			if err := rooms.Room(names[(i+k)%len(names)]).Join(g); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// heap is the live heap in bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func end(all []*guest) {
	for _, g := range all {
		g.lost(peer.ErrClosed)
		g.lost = nil
	}
}

// A membership takes at most 100 bytes, that of the members' records and the rooms included.
func TestMembershipsTakeLittleMemory(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build take memory of their own")
	}
	const members, each = 20_000, 10
	srv, all := guests(t, members)
	list := names(200)
	before := heap()
	rooms := New(srv, nil)
	joinSpread(t, rooms, list, all, each)
	per := float64(heap()-before) / (members * each)
	t.Logf("%.0f bytes for a membership", per)
	if per > 100 {
		t.Errorf("a membership takes %.0f bytes, at most 100 are promised", per)
	}
	if s := rooms.Stats(); s.Memberships != members*each || s.Sets != len(list) {
		t.Errorf("the stats are %+v", s)
	}
	end(all)
	if s := rooms.Stats(); s.Memberships != 0 || s.Sets != 0 || s.Members != 0 {
		t.Errorf("left are %+v", s)
	}
	if kept := heap() - before; kept > 1<<20+members*16 { // maps keep their buckets
		t.Errorf("%d bytes are left of what %d memberships took", kept, members*each)
	}
	runtime.KeepAlive(all)
	runtime.KeepAlive(rooms)
}

// When very many members end at once, each of their leaves is told once.
func TestMassLeaveIsToldOnce(t *testing.T) {
	leak.Check(t)
	const members, each = 5_000, 10
	srv, all := guests(t, members)
	joined, left := make(map[Member]int), make(map[Member]int)
	why := errors.New("the end")
	rooms := New(srv, &Config{
		Joined: func(_ Room, m Member) { joined[m]++ },
		Left: func(_ Room, m Member, reason error) {
			if left[m]++; reason != why {
				t.Errorf("left because of %v", reason)
			}
		},
	})
	srv.RunAsync()
	joinSpread(t, rooms, names(100), all, each)
	loop := srv.Reactor().Loops()[0]
	if err := loop.Call(t.Context(), func() {
		for _, g := range all {
			g.lost(why)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := loop.Call(t.Context(), func() {}); err != nil { // what was posted is told
		t.Fatal(err)
	}
	for _, g := range all {
		if joined[g] != each || left[g] != each {
			t.Fatalf("a member is told to have joined %d times and left %d times, want %d", joined[g], left[g], each)
		}
	}
	if s := rooms.Stats(); s.Memberships != 0 || s.Sets != 0 || s.Members != 0 {
		t.Errorf("left are %+v", s)
	}
}

// Members that subscribe to as many patterns as they can, each as dear as it can be, take the
// memory that the documents say, and give it back.
func TestHostilePatternsAreBounded(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build take memory of their own")
	}
	const members, tries, bound = 20, 2000, 1 << 20 // of a member
	srv, all := guests(t, members)
	before := heap()
	topics := NewTopics(srv, nil)
	refused := 0
	for i, g := range all {
		for k := range tries {
			var limit *LimitError
			// No token is shared with another pattern, and there are as many as there may be.
			pattern := fmt.Sprintf("%d-%d", i, k) + strings.Repeat(".x", MaxTokens-1)
			if err := topics.Subscribe(g, pattern); errors.As(err, &limit) {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := members * (tries - DefaultSubscriptions); refused != want {
		t.Errorf("%d were refused, want %d", refused, want)
	}
	took := heap() - before
	t.Logf("%d bytes for a member, %d for a pattern", took/members, took/members/DefaultSubscriptions)
	if took > members*bound {
		t.Errorf("a member takes %d bytes, at most %d are promised", took/members, bound)
	}
	end(all)
	if s := topics.Stats(); s != (Stats{}) {
		t.Errorf("left are %+v", s)
	}
	if kept := heap() - before; kept > 256<<10 {
		t.Errorf("%d bytes are left", kept)
	}
	runtime.KeepAlive(topics)
	runtime.KeepAlive(all)
}
