package sim

import (
	"testing"

	"github.com/packetmq/packetmq/internal/simtest"
)

var seeds = simtest.DefineSeeds("./call/sim")

// Each call ends exactly once, on the right side, with the right answer.
func TestSim(t *testing.T) {
	total := make(map[string]int)
	seeds.Run(t, func(t *testing.T, n uint64) string {
		w := run(t, n, none)
		for how, times := range w.ends {
			total[how] += times
		}
		return w.Failure
	})
	t.Log(total)
	for _, how := range []string{"answer", "named", "internal", "timeout", "cancelled", "lost", "stopped", "toomany"} {
		if seeds.Enough() && total[how] == 0 {
			t.Errorf("no call ended as %s: the worlds have become too quiet", how)
		}
	}
}

// The same seed is the same run.
func TestSimReplays(t *testing.T) {
	seeds.Replays(t, 10, func(t *testing.T, n uint64) uint64 { return run(t, n, none).Trace() })
}

// A run notices what it is there to notice.
func TestSimNotices(t *testing.T) {
	simtest.Notices(t, seeds, 10, map[string]sabotage{
		"the wrong answer": wrongAnswer, "a call told twice": toldTwice, "a call told never": toldNever,
	}, func(t *testing.T, n uint64, s sabotage) string { return run(t, n, s).Failure })
}
