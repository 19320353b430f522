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

	// heldMost is how many bytes of input are copied to wait for the next reads of
	// a round, at most: to copy more takes longer than it saves.
	heldMost = 2 << 10

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
// heard behind it, which tells; since that takes two system calls, it is done for
// every round only while rounds are long.
type gathering struct {
	reads uint32 // so far
	on    bool   // output waits for the bell
	rung  bool   // for the end of this round, behind the read from, at the time since
	from  uint32
	since time.Duration

	held     *[gatherMost]held // input that waits
	waiting  int               // how many of them there are
	taken    int               // how many of these are taken
	heldRoom []byte            // what they are in
}

// held is input of a socket.
type held struct {
	s *socket
	b []byte
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

// holds reports whether b, just read from s, waits for the reads to come. It
// waits where more are on their way and the next of them is not the one that ends
// the wait.
func (l *Loop) holds(s *socket, b []byte) bool {
	g := &l.gather
	if !g.on || !g.rung || len(b) > heldMost || (2+g.reads-g.from)%gatherMost == 0 || l.r.halted() {
		return false
	}
	if g.held == nil {
		g.held, g.heldRoom = new([gatherMost]held), make([]byte, gatherMost*heldMost)
	}
	at := g.waiting * heldMost
	g.held[g.waiting] = held{s, g.heldRoom[at : at+copy(g.heldRoom[at:], b)]}
	g.waiting++
	g.reads++
	return true
}

// takeHeld has the conns take what waits. A Goexit in one leaves the rest to
// the next call.
func (l *Loop) takeHeld() {
	g := &l.gather
	for g.taken < g.waiting {
		h := g.held[g.taken]
		g.held[g.taken] = held{}
		g.taken++
		if h.s != nil && !h.s.over {
			h.s.take(h.b)
		}
	}
	g.waiting, g.taken = 0, 0
}

// heldOf is what waits of s, which is taken out.
func (l *Loop) heldOf(s *socket) (b []byte) {
	g := &l.gather
	for i := g.taken; i < g.waiting; i++ {
		if h := &g.held[i]; h.s == s {
			b = append(b, h.b...)
			*h = held{}
		}
	}
	return b
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
