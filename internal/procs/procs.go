// Package procs keeps GOMAXPROCS larger than the number of event loops in the
// process.
//
// A loop that has nothing to do sleeps in epoll_wait, and the Go runtime does
// not know that this call blocks: the sleeping thread keeps its P, one of the
// GOMAXPROCS slots that run Go code, until the runtime's monitor looks and takes
// it back. The monitor looks each 20 µs while it finds something to take, and
// each 10 ms when it found nothing for a while. When every P belongs to a
// sleeping loop, a timer that fires, or input for another goroutine, therefore
// waits for the monitor, for two of its looks at worst. An execution trace shows it: all
// processors idle in system calls, and a goroutine that slept for 7 ms running
// 15 ms late. One P more than there are loops ends that.
package procs

import (
	"os"
	"runtime"
	"sync"
)

// The count is one for the process because GOMAXPROCS is.
var process = counter{
	get:      func() int { return runtime.GOMAXPROCS(0) },
	set:      func(n int) { runtime.GOMAXPROCS(n) },
	reset:    runtime.SetDefaultGOMAXPROCS,
	explicit: func() bool { return os.Getenv("GOMAXPROCS") != "" },
}

// counter counts loops and moves GOMAXPROCS with them. Raising it stops the
// world for some microseconds, so it is for the start and end of reactors.
type counter struct {
	get      func() int  // GOMAXPROCS
	set      func(n int) // sets it
	reset    func()      // has the runtime choose it
	explicit func() bool // the environment says what it is to be

	mu     sync.Mutex
	loops  int
	before int // what GOMAXPROCS was before it was raised
	raised int // what it was raised to; 0 while it was not
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
	if c.reset(); c.get() != c.before { // reset where it can: the runtime then follows changes of a container's limit again
		c.set(c.before)
	}
}
