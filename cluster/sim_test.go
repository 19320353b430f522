package cluster

// The simulation of the node protocol: real nodes, on virtual reactors, in worlds where
// messages are lost, doubled, delayed and reordered, the network is cut and heals, processes
// vanish, pause and come back, and clocks are wrong.
//
//	go test . -run Sim -sim.seeds=10000
//
// A seed is always the same world. One that fails is printed, and fails again with -sim.seed.

import (
	"testing"

	"github.com/packetmq/packetmq/internal/simtest"
)

var simSeeds = simtest.DefineSeeds(".") // in the module cluster

// Packets come in order and once; what does not come is told; in the end all nodes know the
// truth, and each user is at one place.
func TestSim(t *testing.T) {
	var total simCounts
	simSeeds.Run(t, func(t *testing.T, n uint64) string {
		w := runSim(t, n, simNone)
		total.add(&w.count)
		return w.Failure
	})
	t.Logf("%+v", total)
	if simSeeds.Enough() && (total.missed < 100 || total.gaps < 100 || total.downs < 100 || total.elsewhere < 100 || total.crashes < 100 ||
		total.leaves < 50 || total.usurped < 20 || total.pauses < 100 || total.answered < 100 ||
		total.spoken < 1000 || total.moved < 40 || total.restored < 10 || total.drained < 10) {
		t.Error("the worlds have become too quiet")
	}
}

func (c *simCounts) add(o *simCounts) {
	c.messages += o.messages
	c.came += o.came
	c.missed += o.missed
	c.gaps += o.gaps
	c.downs += o.downs
	c.elsewhere += o.elsewhere
	c.crashes += o.crashes
	c.leaves += o.leaves
	c.usurped += o.usurped
	c.cuts += o.cuts
	c.pauses += o.pauses
	c.answered += o.answered
	c.spoken += o.spoken
	c.moved += o.moved
	c.restored += o.restored
	c.drained += o.drained
	c.lostTalks += o.lostTalks
}

// The same seed is the same run.
func TestSimReplays(t *testing.T) {
	simSeeds.Replays(t, 10, func(t *testing.T, n uint64) uint64 {
		w := runSim(t, n, simNone)
		return w.Trace() + uint64(w.count.messages) + uint64(w.count.came) + uint64(w.count.spoken)
	})
}

// A run notices what it is there to notice.
func TestSimNotices(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes long; make sim runs it")
	}
	simtest.Notices(t, simSeeds, 5, map[string]simSabotage{
		"a packet lost": simLost, "a packet doubled": simDoubled, "packets swapped": simSwapped,
		"an end of a conn untold": simDownUntold, "a packet missed and untold": simMissedUntold,
		"a member that left untold": simLeftUntold, "a user at two places": simEndUntold,
		"a packet for another binding": simStale, "a stream that stays": simLeak,
		"a session with an older state": simStatePast, "packets of a session that ended untold": simUnackedUntold,
		"a session that ended with its process": simLossUnknown, "a copy that was not kept": simCopyLost,
	}, func(t *testing.T, n uint64, s simSabotage) string { return runSim(t, n, s).Failure })
}
