package state

import (
	"testing"
	"time"
)

// The readers of a loop are served at different moments of the period, each once in it, in
// groups.
func TestTicksAreSpread(t *testing.T) {
	s := newStage(t)
	for range 2 * groupSize * maxPhases {
		s.join()
	}
	s.ticks(3)
	for n := range 3 {
		s.set(1, n)
		for step := range maxPhases {
			before := s.st.Stats().Ticks
			s.v.Advance(time.Second / testHz / maxPhases)
			s.settle()
			if got := s.st.Stats().Ticks - before; got != 2*groupSize {
				t.Errorf("in step %d of period %d %d readers were served, want %d", step, n, got, 2*groupSize)
			}
		}
	}
}

// The few readers of one State are served together, and those of another one of the same loop
// and frequency at another moment.
func TestStatesAreSpread(t *testing.T) {
	g := new(grid)
	var lanes [2 * maxPhases]lane
	for i := range lanes {
		lanes[i] = lane{source: &source{phases: maxPhases}, grid: g, armed: true}
		for range 20 {
			lanes[i].add(new(feed))
		}
	}
	for i, n := range g {
		if n != 2*20 {
			t.Errorf("phase %d has %d readers, want %d", i, n, 2*20)
		}
	}
}

// After a time in which the loop did not run, each reader is served once.
func TestMissedTicksAreNotMadeUpFor(t *testing.T) {
	s := newStage(t)
	for range 5 {
		s.join()
	}
	s.ticks(3)
	before := s.st.Stats().Ticks
	for n := range 50 {
		s.set(1, n)
		s.v.Advance(time.Second / testHz)
	}
	s.settle()
	if got := s.st.Stats().Ticks - before; got != 5 {
		t.Errorf("%d ticks were sent to 5 readers", got)
	}
}

// Readers whose ticks are at most a millisecond apart have one moment.
func TestFastTicksAreNotSpread(t *testing.T) {
	s := newStage(t, Hz(MaxHz))
	g := s.join()
	s.set(1, 1)
	if n := s.st.source.phases; n != 1 {
		t.Errorf("a millisecond has %d moments", n)
	}
	g.want(map[uint64]int{1: 1})
}
