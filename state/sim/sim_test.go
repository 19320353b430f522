package sim

import (
	"testing"

	"github.com/packetmq/packetmq/internal/simtest"
)

var seeds = simtest.DefineSeeds("./state/sim")

// When changes and faults have ended, each mirror equals its view of the source.
func TestSim(t *testing.T) {
	total := make(map[string]uint64)
	seeds.Run(t, func(t *testing.T, n uint64) string {
		w := run(t, n, none)
		for what, times := range w.happened {
			total[what] += times
		}
		return w.Failure
	})
	t.Log(total)
	for _, what := range []string{"snapshots", "values", "removals", "held", "lost", "again", "deleted", "synced"} {
		if seeds.Enough() && total[what] == 0 {
			t.Errorf("%q has not happened: the worlds have become too quiet", what)
		}
	}
}

// The same seed is the same run.
func TestSimReplays(t *testing.T) {
	seeds.Replays(t, 10, func(t *testing.T, n uint64) uint64 { return run(t, n, none).Trace() })
}

// A run notices what it is there to notice.
func TestSimNotices(t *testing.T) {
	simtest.Notices(t, seeds, 5, map[string]sabotage{
		"a value that was not set": notSet, "a removal that was not made": notDeleted, "a view that was not reviewed": notReviewed,
	}, func(t *testing.T, n uint64, s sabotage) string { return run(t, n, s).Failure })
}
