package state

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A reader that stalls gets, when it goes on, what was under way, which is two ticks at most,
// and then the newest of each key.
func TestAfterAStallComesTheNewest(t *testing.T) {
	s := newStage(t)
	g, other := s.join(), s.join()
	g.wantTold("synced")
	g.atClient.PauseRead()
	for n := range 100 {
		s.set(1, n)
		s.set(2, n)
		s.ticks(1)
	}
	if v, _ := other.Get(1); v.N < 98 {
		t.Errorf("another reader has %v", v)
	}
	if held := s.st.Stats().Held; held < 90 {
		t.Errorf("the reader was held back %d times", held)
	}
	g.atClient.ResumeRead()
	g.wantTold("1=0", "2=0", "1=1", "2=1", "1=99", "2=99")
}

// The same over a socket, whose buffers have room for many ticks more.
func TestAfterAStallOverTCPComesTheNewest(t *testing.T) {
	leak.Check(t)
	var st *State[thing]
	var old, newest atomic.Int64
	var resumed atomic.Bool
	w := peertest.OverTCP(t, newSide(false), newSide(true), func(w *world) {
		st = NewFor(w.Server, things, Hz(MaxHz))
		NewMirror(w.Client, things, &MirrorConfig[thing]{Set: func(_ *peer.Conn, v *thing) {
			if v.ID != 0 {
				return
			}
			newest.Store(int64(v.N))
			if resumed.Load() && v.N < 1_000_000 {
				old.Add(1)
			}
		}})
	})
	if err := st.Join(w.AtServer); err != nil {
		t.Fatal(err)
	}
	n := 0
	set := func() {
		n++
		for id := range uint64(50) {
			if err := st.Set(&thing{id, n}); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "the first values", func() bool { set(); return newest.Load() > 0 })
	w.AtClient.PauseRead()
	eventually(t, "the reader to be held back for long", func() bool { set(); return st.Stats().Held > 100 })
	n = 1_000_000
	set()
	resumed.Store(true)
	w.AtClient.ResumeRead()
	eventually(t, "the newest value", func() bool { return newest.Load() == int64(n) })
	if got := old.Load(); got > DefaultOwed {
		t.Errorf("%d old ticks came after the stall, at most %d may", got, DefaultOwed)
	}
}

// A key that is set at every tick does not keep a slow reader from it, nor from the others.
func TestASlowReaderGetsEveryKey(t *testing.T) {
	s := newStage(t, &Config{PerTick: 200}) // some eight values
	for id := range uint64(100) {
		s.set(id, 0)
	}
	g := s.join()
	for n := range 60 {
		for id := range uint64(100) {
			s.set(id, n+1)
		}
		s.ticks(1)
	}
	seen := make(map[int]int)
	for key, v := range g.All() {
		if v.N < 60-30 {
			t.Errorf("key %d is %d ticks old", key, 60-v.N)
		}
		seen[v.N]++
	}
	if g.Len() != 100 {
		t.Errorf("the mirror has %d keys: %v", g.Len(), seen)
	}
	s.ticks(40)
	for key, v := range g.All() {
		if v.N != 60 {
			t.Errorf("at the end key %d has %d", key, v.N)
		}
	}
}

// A tick has no more bytes than it may.
func TestASnapshotComesInParts(t *testing.T) {
	s := newStage(t, &Config{PerTick: 1000})
	for id := range uint64(500) {
		s.set(id, 1)
	}
	g := s.join()
	s.ticks(3)
	if n := g.Len(); n == 0 || n > 250 {
		t.Errorf("%d keys came in three ticks", n)
	}
	if g.Synced() {
		t.Error("the mirror is in step before the snapshot is complete")
	}
	s.ticks(30)
	if g.Len() != 500 || !g.Synced() {
		t.Errorf("the mirror has %d keys, in step: %v", g.Len(), g.Synced())
	}
}

// More removals than are remembered have a reader that lags begin again.
func TestAReaderThatMissedRemovalsBeginsAgain(t *testing.T) {
	s := newStage(t)
	s.set(0, 1)
	g := s.join()
	for id := range uint64(100) {
		s.set(id+1, 1)
	}
	s.ticks(2)
	g.atClient.PauseRead()
	for range 3 {
		s.set(0, 2)
		s.ticks(1)
	}
	for id := range uint64(3 * keptRemovals) {
		s.st.Delete(id)
		s.set(id+1000, 1)
		s.st.Delete(id + 1000)
	}
	if n := len(s.st.source.table.index); n > keptRemovals+1 {
		t.Errorf("%d keys are remembered", n)
	}
	s.set(5, 5)
	g.atClient.ResumeRead()
	g.want(map[uint64]int{5: 5})
	if n := s.st.Stats().Snapshots; n != 2 {
		t.Errorf("%d snapshots were begun", n)
	}
}

// Many changes at once come in parts, too.
func TestManyChangesComeInParts(t *testing.T) {
	s := newStage(t, &Config{PerTick: 1000})
	for id := range uint64(500) {
		s.set(id, 1)
	}
	g := s.join()
	s.ticks(40)
	for id := range uint64(500) {
		s.set(id, 2)
	}
	before := s.st.Stats()
	s.ticks(1)
	after := s.st.Stats()
	if n := after.Values - before.Values; after.Ticks != before.Ticks+1 || n == 0 || n > 70 {
		t.Errorf("%d values were sent in %d ticks", n, after.Ticks-before.Ticks)
	}
	s.ticks(40)
	for key, v := range g.All() {
		if v.N != 2 {
			t.Errorf("key %d has %d", key, v.N)
		}
	}
}

// A mirror that finds no room for an acknowledgement sends it later.
func TestAnAcknowledgementThatFindsNoRoomComesLater(t *testing.T) {
	leak.Check(t)
	s, c := newSide(false), newSide(true)
	c.Cfg.Engine = &engine.Config{MaxPending: 64 << 10}
	c.Cfg.Overflow = registry.Refuse
	var st *State[thing]
	var m *Mirror[thing]
	w := peertest.OverMemory(false)(t, s, c, func(w *world) {
		st = NewFor(w.Server, things, Hz(MaxHz))
		m = NewMirror(w.Client, things, nil)
		peer.HandleRaw(w.Server, tags.Packet(), func(*peer.Conn, []byte) error { return nil })
	})
	eventually(t, "an active conn", func() bool { return w.AtServer.State() == peer.Active })
	w.AtServer.PauseRead()
	text := &named{1, []string{strings.Repeat("x", 20000)}}
	for peer.Send(w.AtClient, tags.Packet(), text) == nil {
	}
	for peer.Send(w.AtClient, tags.Packet(), &named{ID: 1}) == nil { // until there is no room for a small one
	}
	if err := st.Join(w.AtServer); err != nil {
		t.Fatal(err)
	}
	n := 0
	eventually(t, "ticks that are not acknowledged", func() bool { n++; st.Set(&thing{1, n}); return st.Stats().Held > 10 })
	w.AtServer.ResumeRead()
	eventually(t, "the newest value", func() bool { v, _ := m.Get(1); return v.N == n })
}
