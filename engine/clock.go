package engine

// The reactor's clock, which stands still while the reactor is stopped. The coarse time
// of deadlines is in deadline_wheel.go.

import (
	"sync/atomic"
	"time"
)

// clock is the time since the reactor was made, without the time that it was stopped:
// deadlines are about what the other side did not do while this side could see it. A
// manual clock goes on only by advance.
type clock struct {
	manual  bool
	set     atomic.Int64 // of a manual one, in nanoseconds
	start   time.Time
	current atomic.Pointer[span]
}

// span is a stretch of time in which the clock goes, or stands still.
type span struct {
	at     time.Duration // what the clock showed when it began
	since  time.Duration // of start, when it began
	stands bool
}

func newClock() *clock {
	c := &clock{start: time.Now()}
	c.current.Store(&span{stands: true})
	return c
}

func (c *clock) now() time.Duration {
	if c.manual {
		return time.Duration(c.set.Load())
	}
	s := c.current.Load()
	if s.stands {
		return s.at
	}
	return s.at + time.Since(c.start) - s.since
}

// at is what the clock showed at the time t, of this stretch.
func (c *clock) at(t time.Time) time.Duration {
	if c.manual {
		return time.Duration(c.set.Load())
	}
	s := c.current.Load()
	if s.stands {
		return s.at
	}
	return s.at + t.Sub(c.start) - s.since
}

func (c *clock) stop() { c.current.Store(&span{at: c.now(), stands: true}) }

func (c *clock) resume() {
	c.current.Store(&span{at: c.now(), since: time.Since(c.start)})
}

func (c *clock) advance(d time.Duration) { c.set.Add(int64(d)) }
