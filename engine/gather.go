package engine

import "time"

const (
	// gatherProbe is after how many reads there is a look at how long the rounds
	// are, while output is not gathered: a look costs as much as half a read. It
	// is a prime, for looks to begin anywhere in rounds that are all as long.
	gatherProbe = 251

	// gatherFrom is how many reads a round must have had for the output of the
	// next one to be gathered: with fewer, the bell costs more than that saves.
	gatherFrom = 4

	// gatherMost is how many reads in a row have their output leave together, at
	// most: nobody's answer waits for all of a round of thousands.
	gatherMost = 16

	// gatherTime is how long the reads of a round may have taken on average,
	// their handlers included. So output waits for 16 times that, a third of a
	// millisecond, and is not kept waiting by slow handlers for more than a round.
	gatherTime = 20 * time.Microsecond
)

// gathering has several sockets served together when the poller brings input of
// several in one round: short input waits for the next reads, then one callback
// takes it all, and then the output of all leaves. Reads, handlers and writes one
// behind the other take less than when they take turns: the code of each, much of
// it the kernel's, stays in the CPU's caches, and a program on this machine at the
// other end of the sockets is woken once for many.
//
// The poller does not tell where a round ends. A bell that is rung within one is
// heard behind it, or behind the next one of the same sockets, which tells; since that takes two system calls, it is done for
// every round only while rounds are long.
type gathering struct {
	reads uint32 // so far
	on    bool   // output waits for the bell
	rung  bool   // for the end of this round, behind the read from, at the time since
	from  uint32
	since time.Duration

	held holding
}

// gathers notes a read. It reports whether what was written meanwhile waits for
// the bell, which is rung then, and has not waited for as long as it may.
func (l *Loop) gathers() bool {
	g := &l.gather
	g.reads++
	if !g.rung {
		if g.on = g.on || debugBuild; !g.on && g.reads%gatherProbe != 0 || !l.summon() {
			return false
		}
		g.rung, g.from, g.since = true, g.reads, l.r.clock.now()
	}
	return g.on && (1+g.reads-g.from)%gatherMost != 0 &&
		len(l.lost) == 0 && len(l.pressed) == 0 && !l.asked.Load() && !l.r.halted()
}

// gathered says that the bell was heard.
func (l *Loop) gathered() {
	if g := &l.gather; g.rung {
		more, took := g.reads-g.from, l.r.clock.now()-g.since
		g.on = 1+more >= gatherFrom && took <= gatherTime*time.Duration(more)
		g.rung = false
	}
}

// summon has the loop hear the bell. It reports whether that is so.
func (l *Loop) summon() bool {
	l.mu.Lock()
	return l.unlockAndRing(true)
}
