package state

import (
	"testing"
	"time"
)

// Setting a key that there is allocates nothing, however many readers there are.
func TestSetAllocatesNothing(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	s := newStage(t)
	for range 5 {
		s.join()
	}
	s.set(1, 1000)
	s.ticks(2)
	n := 1000
	v := &thing{ID: 1}
	if got := testing.AllocsPerRun(1000, func() {
		n++
		v.N = n
		if err := s.st.Set(v); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("a Set allocates %v objects", got)
	}
}

// What a tick allocates does not grow with the values that it sends, nor what a mirror does
// with those that it has.
func TestATickAllocatesNothingForAValue(t *testing.T) {
	if raceEnabled || debugBuild {
		t.Skip("the race detector and the debug build allocate")
	}
	perTick := func(keys uint64, view bool) float64 {
		s := newStage(t)
		g := s.enter()
		NewMirror(g.client, things, nil)
		if view {
			s.st.View(g.atServer, func(v *thing) bool { return v.ID%2 == 0 })
		}
		if err := s.st.Join(g.atServer); err != nil {
			t.Fatal(err)
		}
		n := 1000
		v := &thing{}
		round := func() {
			n++
			for id := range keys {
				v.ID, v.N = id, n
				s.st.Set(v)
			}
			for range maxPhases {
				s.v.Advance(time.Second / testHz / maxPhases)
				s.settle()
			}
		}
		for range 20 {
			round()
		}
		return testing.AllocsPerRun(50, round)
	}
	for _, view := range []bool{false, true} {
		few, many := perTick(2, view), perTick(200, view)
		t.Logf("%v objects for 2 values, %v for 200", few, many)
		if many > few+10 { // queues grow
			t.Errorf("with a view: %v: a tick allocates %v objects for 2 values, %v for 200", view, few, many)
		}
	}
}

// A reader takes no memory for keys, though it stalls while all of them change.
func TestAReaderThatStallsHasNoMemoryForKeys(t *testing.T) {
	s := newStage(t)
	g := s.join()
	for id := range uint64(1000) {
		s.set(id, 1)
	}
	s.ticks(5)
	g.atClient.PauseRead()
	for n := range 20 {
		for id := range uint64(1000) {
			s.set(id, n)
		}
		s.ticks(1)
	}
	f := s.st.source.readers[g.atServer].feed
	if f.has != nil || cap(f.buf) > 1<<12 {
		t.Errorf("the reader has %d words of keys, and %d bytes of messages", len(f.has), cap(f.buf))
	}
	if pending := g.atServer.Pending(); pending > DefaultOwed*DefaultPerTick {
		t.Errorf("%d bytes wait for it", pending)
	}
}
