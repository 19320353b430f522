package state

import (
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/peer"
)

// The snapshot on a new conn replaces what the mirror has kept of the old one.
func TestASnapshotReplacesWhatWasKept(t *testing.T) {
	s := newStage(t)
	s.set(1, 1)
	s.set(2, 2)
	g := s.join()
	g.wantTold("1=1", "2=2", "synced")
	g.atServer.Abort(errors.New("cut"))
	s.settle()
	if g.Synced() || g.Len() != 2 {
		t.Errorf("after the end of the conn the mirror has %d values, in step: %v", g.Len(), g.Synced())
	}
	if n := s.st.Stats().Readers; n != 0 {
		t.Errorf("%d readers are left", n)
	}
	s.set(1, 5)
	s.st.Delete(2)
	s.set(3, 3)
	g.connect()
	if err := s.lobby.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	g.wantTold("1=5", "3=3", "-2 (was 2)", "synced")
}

// Of two conns the one whose snapshot began last counts.
func TestTheLastSnapshotCounts(t *testing.T) {
	s := newStage(t)
	other := NewFor(s.server, things)
	s.set(1, 1)
	other.Set(&thing{2, 2})
	g := s.join()
	first := g.atServer
	g.want(map[uint64]int{1: 1})
	g.connect()
	if err := other.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	g.want(map[uint64]int{2: 2})
	s.set(1, 5) // still comes, and is acknowledged
	g.want(map[uint64]int{2: 2})
	first.Abort(nil)
	g.want(map[uint64]int{2: 2})
	if !g.Synced() {
		t.Error("the end of the other conn has the mirror out of step")
	}
}

// Each of several mirrors follows the conns that it takes.
func TestMirrorsForDifferentConns(t *testing.T) {
	s := newStage(t)
	other := NewFor(s.server, things)
	s.set(1, 1)
	other.Set(&thing{2, 2})
	g := s.join()
	first := g.atClient
	m := NewMirror(g.client, things, &MirrorConfig[thing]{Conn: func(c *peer.Conn) bool { return c != first }})
	g.connect()
	if err := other.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	g.want(map[uint64]int{1: 1})
	if v, ok := m.Get(2); !ok || m.Len() != 1 || v.N != 2 {
		t.Errorf("the other mirror has %d values", m.Len())
	}
	m.Close()
	s.st.Leave(g.atServer)
	other.Leave(g.atServer)
	if err := other.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	g.want(map[uint64]int{2: 2}) // the first mirror takes all conns
}

func TestAMirrorOverItsBoundEndsTheConn(t *testing.T) {
	for what, cfg := range map[string]*MirrorConfig[thing]{"keys": {Keys: 10}, "bytes": {Bytes: 11 * (entrySize + 10)}} {
		t.Run(what, func(t *testing.T) {
			s := newStage(t)
			g := s.enter()
			m := NewMirror(g.client, things, cfg)
			for id := range uint64(100) {
				s.set(id, 1)
			}
			if err := s.st.Join(g.atServer); err != nil {
				t.Fatal(err)
			}
			s.ticks(2)
			var limit *LimitError
			if !errors.As(g.lost, &limit) || limit.What != what {
				t.Errorf("the conn ended with %v", g.lost)
			}
			if n := m.Len(); n < 5 || n > 12 {
				t.Errorf("the mirror has %d values", n)
			}
		})
	}
}

// Values that are replaced and removed are counted out.
func TestAMirrorCountsWhatItHas(t *testing.T) {
	s := newStage(t)
	st := NewFor(s.server, tags)
	g := s.enter()
	m := NewMirror(g.client, tags, &MirrorConfig[named]{Bytes: 4000})
	if err := st.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		st.Set(&named{1, []string{string(make([]byte, 100+n))}})
		st.Set(&named{uint64(2 + n), []string{string(make([]byte, 1000))}})
		s.ticks(1)
		st.Delete(uint64(2 + n))
		s.ticks(1)
	}
	if g.lost != nil || m.Len() != 1 {
		t.Errorf("the mirror has %d values, the conn ended with %v", m.Len(), g.lost)
	}
}

func TestAPanicInDeletedLosesNoOther(t *testing.T) {
	s := newStage(t)
	var told []string
	g := s.enter()
	NewMirror(g.client, things, &MirrorConfig[thing]{Deleted: func(_ *peer.Conn, key uint64, _ *thing) {
		told = append(told, fmt.Sprint(key))
		panic("on purpose")
	}})
	s.set(1, 1)
	s.set(2, 2)
	s.st.Join(g.atServer)
	s.ticks(2)
	s.st.Delete(1)
	s.st.Delete(2)
	s.ticks(2)
	if len(told) != 2 {
		t.Errorf("the program was told of %v", told)
	}
	var p interface{ Error() string }
	if !errors.As(g.lost, &p) {
		t.Errorf("the conn ended with %v", g.lost)
	}
}

// A mirror that has room for just as many keys as the State may have needs no more: what is gone
// makes room for what is new, in a tick and in the snapshot after a loss of the conn.
func TestWhatIsGoneMakesRoom(t *testing.T) {
	s := newStage(t, &Config{Keys: 2})
	g := s.enter()
	m := NewMirror(g.client, things, &MirrorConfig[thing]{Keys: 2})
	g.Mirror = m
	if err := s.lobby.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	s.set(1, 1)
	s.set(2, 2)
	g.want(map[uint64]int{1: 1, 2: 2})
	s.st.Delete(1)
	s.set(3, 3)
	g.want(map[uint64]int{2: 2, 3: 3})
	if g.lost != nil {
		t.Errorf("after a change the conn has ended with %v", g.lost)
	}
	g.atServer.Abort(errors.New("cut"))
	s.settle()
	s.st.Delete(2)
	s.st.Delete(3)
	s.set(4, 4)
	s.set(5, 5)
	g.lost = nil
	g.connect()
	if err := s.lobby.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	g.want(map[uint64]int{4: 4, 5: 5})
	if g.lost != nil || !g.Synced() {
		t.Errorf("in step: %v; the conn has ended with %v", g.Synced(), g.lost)
	}
}

// A mirror that is made after the conn has become a reader gets everything, if the peer was
// enabled before.
func TestAMirrorThatComesLate(t *testing.T) {
	for _, ticks := range []int{1, 2, 5} {
		s := newStage(t)
		g := &guest{stage: s}
		cfg := s.config()
		cfg.OnMade = func(c *peer.Conn) { g.atClient = c }
		cfg.OnLost = func(_ *peer.Conn, reason error) { g.lost = reason }
		g.client = peer.NewMemoryClient(s.reg, cfg)
		Enable(g.client)
		g.connect()
		if err := s.lobby.Join(g.atServer); err != nil {
			t.Fatal(err)
		}
		s.set(1, 0)
		for n := range ticks {
			s.set(2, n)
			s.ticks(1)
		}
		g.Mirror = NewMirror(g.client, things, nil)
		g.want(map[uint64]int{1: 0, 2: ticks - 1})
		s.set(3, 3)
		g.want(map[uint64]int{1: 0, 2: ticks - 1, 3: 3})
		if g.lost != nil || !g.Synced() {
			t.Errorf("after %d ticks: in step: %v; the conn has ended with %v", ticks, g.Synced(), g.lost)
		}
	}
}
