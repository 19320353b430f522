package sim

import (
	"testing"

	"github.com/packetmq/packetmq/internal/simtest"
)

var seeds = simtest.DefineSeeds("./session/sim")

// Packets come in order and once, and what does not come is told.
func TestSim(t *testing.T) {
	total, backs, packets, moved, returned := make(map[string]int), 0, 0, 0, 0
	seeds.Run(t, func(t *testing.T, n uint64) string {
		w := run(t, n, none)
		backs += w.backs
		packets += w.packets
		moved += w.moved
		returned += w.returned
		for how, times := range w.reasons {
			total[how] += times
		}
		return w.Failure
	})
	t.Logf("%d packets came; sessions came back %d times, went to another process %d times, were taken back %d times, and ended by %v",
		packets, backs, moved, returned, total)
	if seeds.Enough() && (backs < 100 || len(total) < 4 || moved < 20 || returned < 5) {
		t.Error("the worlds have become too quiet")
	}
}

// The same seed is the same run.
func TestSimReplays(t *testing.T) {
	seeds.Replays(t, 10, func(t *testing.T, n uint64) uint64 {
		w := run(t, n, none)
		return w.Trace() + uint64(w.backs)
	})
}

// A run notices what it is there to notice.
func TestSimNotices(t *testing.T) {
	simtest.Notices(t, seeds, 5, map[string]sabotage{
		"a packet lost": lost, "a packet doubled": doubled, "a loss untold": untold,
	}, func(t *testing.T, n uint64, s sabotage) string { return run(t, n, s).Failure })
}
