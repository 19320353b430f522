package sim

import (
	"flag"
	"io"
	"os"
	"testing"
	"testing/synctest"
)

var (
	seeds   = flag.Int("sim.seeds", 100, "run so many seeds")
	seed    = flag.Uint64("sim.seed", 0, "run only this one")
	tracing = flag.Bool("sim.trace", false, "print the whole trace of -sim.seed")
)

// run is one seed, in a bubble of its own.
func run(t *testing.T, seed uint64, all io.Writer, s sabotage) *world {
	w := newWorld(seed, all, s)
	synctest.Test(t, func(*testing.T) { w.run() })
	return w
}

func TestSim(t *testing.T) {
	first, last := uint64(1), uint64(*seeds)
	var all io.Writer
	if *seed != 0 {
		first, last = *seed, *seed
		if *tracing {
			all = os.Stdout
		}
	}
	for n := first; n <= last; n++ {
		if w := run(t, n, all, none); w.failure != "" {
			t.Errorf("seed %d: %s\nreplay with: go test ./peer/sim -run Sim -sim.seed=%d\n%v", n, w.failure, n, w.trace)
			return
		}
	}
}

// others skips what -sim.seed does not ask for.
func others(t *testing.T) {
	if *seed != 0 {
		t.Skip("one seed only")
	}
}

// The same seed is the same run, event by event.
func TestSimReplays(t *testing.T) {
	others(t)
	for n := range uint64(20) {
		a, b := run(t, n+1000, nil, none), run(t, n+1000, nil, none)
		if a.trace.hash != b.trace.hash || a.trace.lines != b.trace.lines {
			t.Fatalf("two runs of seed %d differ: %d lines, and %d", n+1000, a.trace.lines, b.trace.lines)
		}
	}
}

// What a run is to notice, it does.
func TestSimNotices(t *testing.T) {
	others(t)
	for name, s := range map[string]sabotage{
		"a lost frame": lose, "a frame twice": twice, "two frames in the wrong order": swap,
		"a wrong byte": flip, "a lost buffer": hoard,
	} {
		harmed, noticed := 0, 0
		for n := uint64(1); harmed < 15; n++ {
			w := run(t, n, nil, s)
			if w.harm > 0 {
				harmed++
			}
			if w.failure != "" {
				noticed++
			}
		}
		t.Logf("%s: noticed in %d of %d runs", name, noticed, harmed)
		if noticed < harmed/2 { // what is lost with its conn cannot be noticed
			t.Errorf("%s was noticed in %d of %d runs", name, noticed, harmed)
		}
	}
}
