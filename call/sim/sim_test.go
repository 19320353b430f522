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

// Each call ends exactly once, on the right side, with the right answer.
func TestSim(t *testing.T) {
	first, last := uint64(1), uint64(*seeds)
	if *seed != 0 {
		first, last = *seed, *seed
	}
	total := make(map[string]int)
	for n := first; n <= last; n++ {
		w := run(t, n, none)
		for how, times := range w.ends {
			total[how] += times
		}
		if w.failure != "" {
			t.Fatalf("seed %d, step %d: %s\nreplay with: go test ./call/sim -run Sim -sim.seed=%d", n, w.step, w.failure, n)
		}
	}
	t.Logf("%d seeds: %v", last-first+1, total)
	for _, how := range []string{"answer", "named", "internal", "timeout", "cancelled", "lost", "stopped", "toomany"} {
		if *seed == 0 && *seeds >= 100 && total[how] == 0 {
			t.Errorf("no call ended as %s: the worlds have become too quiet", how)
		}
	}
}

// The same seed is the same run.
func TestSimReplays(t *testing.T) {
	for n := range uint64(10) {
		if a, b := run(t, n+1000, none), run(t, n+1000, none); a.trace != b.trace {
			t.Errorf("two runs of seed %d differ", n+1000)
		}
	}
}

// A run notices what it is there to notice.
func TestSimNotices(t *testing.T) {
	for what, s := range map[string]sabotage{
		"the wrong answer": wrongAnswer, "a call told twice": toldTwice, "a call told never": toldNever,
	} {
		noticed := 0
		for n := range uint64(20) {
			if run(t, n+1, s).failure != "" {
				noticed++
			}
		}
		if noticed < 10 {
			t.Errorf("%s was noticed in %d of 20 runs", what, noticed)
		}
	}
}
