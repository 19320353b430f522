package engine

import (
	"sync/atomic"
	"time"
)

// clock is the time since the reactor was made, without the time it stood
// stopped: deadlines are about what the other side did while it could. A manual
// one goes on when it is told to.
type clock struct {
	manual bool
	at     atomic.Int64 // of a manual one, in nanoseconds
	start  time.Time
	paused atomic.Int64 // nanoseconds stood still so far
	since  time.Time    // when it was stopped; the reactor's lock guards it
}

func (c *clock) now() time.Duration {
	if c.manual {
		return time.Duration(c.at.Load())
	}
	return time.Since(c.start) - time.Duration(c.paused.Load())
}

func (c *clock) stop() { c.since = time.Now() }

func (c *clock) resume() { c.paused.Add(int64(time.Since(c.since))) }

func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }
