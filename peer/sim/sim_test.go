package sim

import (
	"flag"
	"io"
	"os"
	"testing"
	"testing/synctest"

	"github.com/packetmq/packetmq/internal/simtest"
)

var (
	seeds   = simtest.DefineSeeds("./peer/sim")
	tracing = flag.Bool("sim.trace", false, "print the whole trace of -sim.seed")
)

// run is one seed, in a bubble of its own.
func run(t *testing.T, seed uint64, all io.Writer, s sabotage) *world {
	w := newWorld(seed, all, s)
	synctest.Test(t, func(*testing.T) { w.run() })
	return w
}

func TestSim(t *testing.T) {
	var all io.Writer
	if seeds.One() != 0 && *tracing {
		all = os.Stdout
	}
	seeds.Run(t, func(t *testing.T, n uint64) string {
		w := run(t, n, all, none)
		if w.failure != "" {
			t.Log(w.trace)
		}
		return w.failure
	})
}

// The same seed is the same run, event by event.
func TestSimReplays(t *testing.T) {
	seeds.Replays(t, 20, func(t *testing.T, n uint64) uint64 {
		w := run(t, n, nil, none)
		return w.trace.hash + uint64(w.trace.lines)
	})
}

// What a run is to notice, it does.
func TestSimNotices(t *testing.T) {
	if seeds.One() != 0 {
		t.Skip("one seed only")
	}
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
