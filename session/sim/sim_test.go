package sim

import (
	"flag"
	"testing"
	"testing/synctest"
)

var (
	seeds = flag.Int("sim.seeds", 100, "run so many seeds")
	seed  = flag.Uint64("sim.seed", 0, "run only this one")
)

// run is one seed, in a bubble of its own.
func run(t *testing.T, seed uint64, s sabotage) *world {
	w := newWorld(seed, s)
	synctest.Test(t, func(*testing.T) { w.run() })
	return w
}

// Packets come in order and once, and what does not come is told.
func TestSim(t *testing.T) {
	first, last := uint64(1), uint64(*seeds)
	if *seed != 0 {
		first, last = *seed, *seed
	}
	total, backs, packets := make(map[string]int), 0, 0
	for n := first; n <= last; n++ {
		w := run(t, n, none)
		backs += w.backs
		packets += w.packets
		for how, times := range w.reasons {
			total[how] += times
		}
		if w.failure != "" {
			t.Fatalf("seed %d, step %d: %s\nreplay with: go test ./session/sim -run Sim -sim.seed=%d", n, w.step, w.failure, n)
		}
	}
	t.Logf("%d seeds: %d packets came, sessions came back %d times, and ended by %v", last-first+1, packets, backs, total)
	if *seed == 0 && *seeds >= 100 && (backs < 100 || len(total) < 4) {
		t.Error("the worlds have become too quiet")
	}
}

// The same seed is the same run.
func TestSimReplays(t *testing.T) {
	for n := range uint64(10) {
		if a, b := run(t, n+1000, none), run(t, n+1000, none); a.trace != b.trace || a.backs != b.backs {
			t.Errorf("two runs of seed %d differ", n+1000)
		}
	}
}

// A run notices what it is there to notice.
func TestSimNotices(t *testing.T) {
	for what, s := range map[string]sabotage{"a packet lost": lost, "a packet doubled": doubled, "a loss untold": untold} {
		noticed := 0
		for n := range uint64(20) {
			if run(t, n+1, s).failure != "" {
				noticed++
			}
		}
		if noticed < 5 {
			t.Errorf("%s was noticed in %d of 20 runs", what, noticed)
		}
	}
}
