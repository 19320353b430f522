package sim

import (
	"flag"
	"maps"
	"testing"
)

var (
	seeds = flag.Int("sim.seeds", 100, "run so many seeds")
	seed  = flag.Uint64("sim.seed", 0, "run only this one")
)

func run(seed uint64, s sabotage) *world {
	w := newWorld(seed, s)
	w.run()
	return w
}

// When changes and faults have ended, each mirror equals its view of the source.
func TestSim(t *testing.T) {
	first, last := uint64(1), uint64(*seeds)
	if *seed != 0 {
		first, last = *seed, *seed
	}
	total := make(map[string]uint64)
	for n := first; n <= last; n++ {
		w := run(n, none)
		for what, times := range w.happened {
			total[what] += times
		}
		if w.failure != "" {
			t.Fatalf("seed %d, step %d: %s\nreplay with: go test ./state/sim -run Sim -sim.seed=%d", n, w.step, w.failure, n)
		}
	}
	t.Logf("%d seeds: %v", last-first+1, total)
	for _, what := range []string{"snapshots", "values", "removals", "held", "lost", "again", "deleted", "synced"} {
		if *seed == 0 && *seeds >= 100 && total[what] == 0 {
			t.Errorf("%q has not happened: the worlds have become too quiet", what)
		}
	}
}

// The same seed is the same run.
func TestSimReplays(t *testing.T) {
	for n := range uint64(10) {
		if a, b := run(n+1000, none), run(n+1000, none); a.trace != b.trace || !maps.Equal(a.happened, b.happened) {
			t.Errorf("two runs of seed %d differ", n+1000)
		}
	}
}

// A run notices what it is there to notice.
func TestSimNotices(t *testing.T) {
	for what, s := range map[string]sabotage{
		"a value that was not set": notSet, "a removal that was not made": notDeleted, "a view that was not reviewed": notReviewed,
	} {
		noticed := 0
		for n := range uint64(20) {
			if run(n+1, s).failure != "" {
				noticed++
			}
		}
		if noticed < 5 {
			t.Errorf("%s was noticed in %d of 20 runs", what, noticed)
		}
	}
}
