// Package procs keeps GOMAXPROCS larger than the number of event loops in the
// process.
//
// A loop that has nothing to do sleeps in epoll_wait, and the Go runtime does not
// know that this call blocks. The sleeping thread keeps its P, one of the GOMAXPROCS
// slots that run Go code, until the runtime's monitor takes it back. The monitor
// looks every 20 µs while it finds something to take, and every 10 ms after it found
// nothing for a while. When sleeping loops have every P, a timer that fires, or input
// for another goroutine, waits for the monitor to look, twice at worst. An execution
// trace shows it: all processors idle in system calls, and a goroutine that slept for
// 7 ms running 15 ms late. One P more than there are loops ends that.
package procs

import (
	"os"
	"runtime"
	"sync"
)

// process counts the loops of the process: there is one GOMAXPROCS for all.
var process = counter{
	get:      func() int { return runtime.GOMAXPROCS(0) },
	set:      func(n int) { runtime.GOMAXPROCS(n) },
	reset:    runtime.SetDefaultGOMAXPROCS,
	explicit: func() bool { return os.Getenv("GOMAXPROCS") != "" },
}

// counter counts loops and sets GOMAXPROCS to fit. A change stops the world for some
// microseconds, so it happens only at the start and end of reactors.
type counter struct {
	// Set once. Tests have functions of their own.
	get      func() int  // returns GOMAXPROCS
	set      func(n int) // sets GOMAXPROCS
	reset    func()      // lets the runtime choose GOMAXPROCS
	explicit func() bool // reports whether the environment sets GOMAXPROCS

	mu     sync.Mutex // guards the rest
	loops  int
	before int // GOMAXPROCS before it was raised
	raised int // what it was raised to; 0 if it is not raised
}

// Change is what Take found and did.
type Change struct {
	Loops  int // in the process, the new ones included
	Before int // GOMAXPROCS as it was
	After  int // GOMAXPROCS as it is
}

// Short reports whether sleeping loops can occupy every P.
func (c Change) Short() bool { return c.Loops >= c.After }

// Raised reports whether GOMAXPROCS was changed.
func (c Change) Raised() bool { return c.After != c.Before }

// Take counts n loops in. If there are then as many as GOMAXPROCS or more, it
// raises GOMAXPROCS to one more than there are, unless keep is set or the
// environment variable GOMAXPROCS is.
func Take(n int, keep bool) Change { return process.take(n, keep) }

// Give counts n loops out. GOMAXPROCS falls to what the loops that are left
// need, or to what it was before the first Take, unless the program has set it
// meanwhile.
func Give(n int) { process.give(n) }

func (c *counter) take(n int, keep bool) Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loops += n
	ch := Change{Loops: c.loops, Before: c.get()}
	if ch.Before <= c.loops && !keep && !c.explicit() {
		if c.raised != ch.Before {
			c.before = ch.Before
		}
		c.raised = c.loops + 1
		c.set(c.raised)
	}
	ch.After = c.get()
	return ch
}

func (c *counter) give(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loops -= n
	if c.raised == 0 || c.get() != c.raised {
		c.raised = 0
		return
	}
	if c.loops >= c.before {
		c.raised = c.loops + 1
		c.set(c.raised)
		return
	}
	c.raised = 0
	// After a reset the runtime follows changes of a container's limit again.
	if c.reset(); c.get() != c.before {
		c.set(c.before)
	}
}
