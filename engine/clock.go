package engine

import (
	"sync/atomic"
	"time"
)

// clock is the time since the reactor was made, without the time it stood
// stopped: deadlines are about what the other side did while it could.
type clock struct {
	start  time.Time
	paused atomic.Int64 // nanoseconds stood still so far
	since  time.Time    // when it was stopped; the reactor's lock guards it
}

func (c *clock) now() time.Duration {
	return time.Since(c.start) - time.Duration(c.paused.Load())
}

func (c *clock) stop() { c.since = time.Now() }

func (c *clock) resume() { c.paused.Add(int64(time.Since(c.since))) }
