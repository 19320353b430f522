package state

import (
	"errors"
	"testing"
)

func TestAJoinerGetsASnapshotAndThenChanges(t *testing.T) {
	s := newStage(t)
	s.set(1, 10)
	s.set(2, 20)
	g := s.join()
	g.wantTold("1=10", "2=20", "synced")
	s.set(2, 21)
	s.set(3, 30)
	g.wantTold("2=21", "3=30")
	s.st.Delete(1)
	g.wantTold("-1 (was 10)")
	g.want(map[uint64]int{2: 21, 3: 30})
}

func TestOfManyChangesTheNewestIsSent(t *testing.T) {
	s := newStage(t)
	g := s.join()
	g.wantTold("synced")
	for n := range 100 {
		s.set(7, n)
	}
	g.wantTold("7=99")
	s.set(8, 1)
	s.st.Delete(8)
	g.wantTold()
}

func TestNothingChangedNothingSent(t *testing.T) {
	s := newStage(t)
	s.set(1, 1)
	g := s.join()
	g.wantTold("1=1", "synced")
	before := s.st.Stats()
	s.set(1, 1)
	s.ticks(20)
	if after := s.st.Stats(); after != before {
		t.Errorf("nothing changed, and %+v became %+v", before, after)
	}
	if _, waits := s.v.Next(); s.st.source.lanes[0].armed || s.st.source.asleep != 1 {
		t.Errorf("the ticks go on although nothing changes (timers: %v)", waits)
	}
	s.set(1, 2)
	g.wantTold("1=2")
}

func TestWhoLeavesHasNothing(t *testing.T) {
	s := newStage(t)
	s.set(1, 1)
	g := s.join()
	g.want(map[uint64]int{1: 1})
	g.told = nil
	s.lobby.Leave(g.atServer)
	g.wantTold("-1 (was 1)")
	s.set(1, 2)
	g.want(nil)
	if err := s.lobby.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	g.want(map[uint64]int{1: 2})
}

func TestCloseEmptiesTheMirrors(t *testing.T) {
	s := newStage(t)
	s.set(1, 1)
	g := s.join()
	g.want(map[uint64]int{1: 1})
	s.st.Close()
	s.st.Close()
	g.want(nil)
	if err := s.st.Set(&thing{2, 2}); err != ErrClosed {
		t.Errorf("Set after Close: %v", err)
	}
	if err := s.st.Join(g.atServer); err != ErrClosed {
		t.Errorf("Join after Close: %v", err)
	}
}

func TestGetAndLenOfAState(t *testing.T) {
	s := newStage(t)
	s.set(1, 10)
	if v, ok := s.st.Get(1); !ok || v.N != 10 || s.st.Len() != 1 {
		t.Errorf("the value is %v, %v, of %d", v, ok, s.st.Len())
	}
	if !s.st.Delete(1) || s.st.Delete(1) {
		t.Error("a key is not removed once")
	}
	if v, ok := s.st.Get(1); ok || s.st.Len() != 0 {
		t.Errorf("a removed key has the value %v", v)
	}
}

func TestOneKeyMoreThanThereMayBeIsRefused(t *testing.T) {
	s := newStage(t, &Config{Keys: 2})
	s.set(1, 1)
	s.set(2, 2)
	var limit *LimitError
	if err := s.st.Set(&thing{3, 3}); !errors.As(err, &limit) || limit.Max != 2 {
		t.Errorf("the third key: %v", err)
	}
	s.set(2, 3)
	s.st.Delete(1)
	s.set(3, 3)
}

// The caller may use a value again, and whatever it points to.
func TestAValueIsTheCallersAgain(t *testing.T) {
	s := newStage(t)
	st := NewFor(s.server, tags)
	v := &named{7, []string{"a"}}
	if err := st.Set(v); err != nil {
		t.Fatal(err)
	}
	v.ID, v.Tags[0] = 8, "b"
	if got, ok := st.Get(7); !ok || got.Tags[0] != "a" {
		t.Errorf("the value became %v", got)
	}
}

func TestAConnFollowsTheStateThatItJoinedLast(t *testing.T) {
	s := newStage(t)
	s.set(1, 1)
	g := s.join()
	other := New(s.rooms.Room("other"), things)
	other.Set(&thing{2, 2})
	g.want(map[uint64]int{1: 1})
	if err := s.rooms.Room("other").Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	g.want(map[uint64]int{2: 2})
	s.set(1, 5)
	g.want(map[uint64]int{2: 2})
	s.rooms.Room("other").Leave(g.atServer)
	g.want(map[uint64]int{1: 5})
	s.lobby.Leave(g.atServer)
	g.want(nil)
}

func TestMembersThatWereThereBeforeTheStateAreReaders(t *testing.T) {
	s := newStage(t)
	g := s.enter()
	early := s.rooms.Room("early")
	if err := early.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	st := New(early, things)
	st.Set(&thing{1, 1})
	g.want(map[uint64]int{1: 1})
}

// Who leaves before the first tick is told so, since its mirror may have something of an
// earlier conn.
func TestWhoLeavesAtOnceHasNothing(t *testing.T) {
	s := newStage(t)
	s.set(1, 1)
	g := s.join()
	g.want(map[uint64]int{1: 1})
	g.atServer.Abort(nil)
	s.settle()
	g.connect()
	if err := s.lobby.Join(g.atServer); err != nil {
		t.Fatal(err)
	}
	s.lobby.Leave(g.atServer)
	g.want(nil)
}
