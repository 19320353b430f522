package state

import (
	"testing"

	"github.com/packetmq/packetmq/peer"
)

// above is a view of the things whose N is above n.
func above(n *int) func(v *thing) bool { return func(v *thing) bool { return v.N > *n } }

func (s *stage) view(g *guest, sees func(v *thing) bool) {
	s.tb.Helper()
	if err := s.st.View(g.atServer, sees); err != nil {
		s.tb.Fatal(err)
	}
}

func TestAReaderGetsWhatItSees(t *testing.T) {
	s := newStage(t)
	n := 10
	g := s.enter()
	s.view(g, above(&n))
	if err := s.lobby.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	s.set(1, 5)
	s.set(2, 15)
	g.wantTold("2=15", "synced")
	s.set(2, 16)
	g.wantTold("2=16")
	s.set(2, 3) // leaves the view
	g.wantTold("-2 (was 16)")
	s.set(2, 4) // changes outside of it
	g.wantTold()
	s.set(1, 11) // enters it
	g.wantTold("1=11")
	s.st.Delete(2) // nobody has it
	g.wantTold()
	s.st.Delete(1)
	g.wantTold("-1 (was 11)")
}

func TestReviewAsksAgainAboutAll(t *testing.T) {
	s := newStage(t)
	n := 10
	g := s.join()
	s.view(g, above(&n))
	for i := range 6 {
		s.set(uint64(i), 8+i)
	}
	g.want(map[uint64]int{3: 11, 4: 12, 5: 13})
	g.told = nil
	n = 12
	g.wantTold()
	if !s.st.Review(g.atServer) {
		t.Error("there is no view to review")
	}
	g.wantTold("-3 (was 11)", "-4 (was 12)")
	n = 9
	s.st.Review(g.atServer)
	g.wantTold("2=10", "3=11", "4=12")
	if s.st.Review(new(peer.Conn)) {
		t.Error("the view of nobody was reviewed")
	}
}

// A view is set, changed and taken back while values come and go.
func TestAViewThatIsSetLaterRemovesWhatItHides(t *testing.T) {
	s := newStage(t)
	g := s.join()
	s.set(1, 1)
	s.set(2, 2)
	s.set(3, 30)
	g.want(map[uint64]int{1: 1, 2: 2, 3: 30})
	s.st.Delete(1) // the mirror still has it when the view is set
	n := 10
	s.view(g, above(&n))
	g.want(map[uint64]int{3: 30})
	s.view(g, nil)
	g.want(map[uint64]int{2: 2, 3: 30})
	s.set(2, 4)
	s.st.Delete(3)
	g.want(map[uint64]int{2: 4})
}

// Removed keys make room for others, whose slots the reader's view knows from before.
func TestAViewWithKeysThatComeAndGo(t *testing.T) {
	s := newStage(t)
	n := 0
	g := s.join()
	s.view(g, above(&n))
	want := make(map[uint64]int)
	for i := range 3 * keptRemovals {
		s.set(uint64(i), 1)
		if i >= 10 {
			s.st.Delete(uint64(i - 10))
		}
		if i%100 == 0 {
			s.ticks(1)
		}
	}
	for i := 3*keptRemovals - 10; i < 3*keptRemovals; i++ {
		want[uint64(i)] = 1
	}
	g.want(want)
}

func TestAPanicInAViewEndsTheConnAndNothingElse(t *testing.T) {
	s := newStage(t)
	bad, good := s.join(), s.join()
	s.view(bad, func(*thing) bool { panic("on purpose") })
	s.set(1, 1)
	good.want(map[uint64]int{1: 1})
	if bad.atServer.State() != peer.Disconnected {
		t.Errorf("the conn is %v", bad.atServer.State())
	}
	if n := s.st.Stats().Readers; n != 1 {
		t.Errorf("%d readers are left", n)
	}
}

// A view may use the State that it is of.
func TestAViewMayCallTheState(t *testing.T) {
	s := newStage(t)
	g := s.join()
	s.view(g, func(v *thing) bool {
		if v.ID < 5 {
			s.st.Set(&thing{v.ID + 5, v.N})
		}
		_, ok := s.st.Get(v.ID)
		return ok
	})
	s.set(1, 1)
	g.want(map[uint64]int{1: 1, 6: 1})
}

func TestAViewOfValuesThatPointToMemory(t *testing.T) {
	s := newStage(t)
	st := NewFor(s.server, tags)
	g := s.enter()
	m := NewMirror(g.client, tags, nil)
	if err := st.View(g.atServer, func(v *named) bool { return v.Tags[0] == "a" }); err != nil {
		t.Fatal(err)
	}
	if err := st.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	st.Set(&named{1, []string{"a", "x"}})
	st.Set(&named{2, []string{"b"}})
	s.ticks(2)
	if v, ok := m.Get(1); !ok || m.Len() != 1 || v.Tags[1] != "x" {
		t.Errorf("the mirror has %d values, and %v", m.Len(), v)
	}
}
