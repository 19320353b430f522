package peer

// What a conn waits for, and how long: the handshake, the rest of a frame, a sign of
// life, and the other side's end after a softquit.

import (
	"errors"
	"math"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// timeouts is what a made conn waits for. The engine has one deadline for each conn, so
// armDeadline sets it to whichever of the two is due first. Before a conn is made the
// deadline is the handshake's, and after OnLost it is that of QuitGrace.
type timeouts struct {
	frameDue  ticks // by when the frame that has begun must be whole; 0: none has begun
	checkDue  ticks // when checkSilence is called next; 0: never
	lastInput ticks // when input came last
}

// ticks is a time on the loop's coarse clock, in steps of engine.Tick. It takes half of
// what a time.Duration does, in every conn.
type ticks int32

func (t ticks) duration() time.Duration { return time.Duration(t) * engine.Tick }

// now is the time of the conn's loop.
func (c *Conn) now() ticks { return ticks(c.link.Loop().Now() / engine.Tick) }

// after is the first tick that is at least d after t.
func (t ticks) after(d time.Duration) ticks {
	return ticks(min(time.Duration(t)+(d-1)/engine.Tick+1, math.MaxInt32))
}

// surelyAfter is the first tick at which d has passed since any moment of the tick t.
func (t ticks) surelyAfter(d time.Duration) ticks { return t.after(d + engine.Tick) }

var (
	// ErrFrameTimeout ends a conn whose other side began a frame and did not
	// finish it in time.
	ErrFrameTimeout = errors.New("peer: frame was not finished in time")

	// ErrIdle ends a conn whose other side has not said anything for too long.
	ErrIdle = errors.New("peer: nothing was heard for too long")
)

// checkQuitGrace ends a conn when QuitGrace has passed since its softquit. If the other side
// has taken output meanwhile, it has QuitGrace again: a slow reader gets everything. One
// that has stopped reading ends here, or earlier by the reactor's bounds or a Shutdown.
func (c *Conn) checkQuitGrace() {
	e, left := c.makeRare(), c.link.Pending()
	if left > 0 && (e.lastPending == 0 || left < e.lastPending) {
		e.lastPending = left
		c.link.SetDeadline(c.link.Loop().Now() + c.peer.cfg.QuitGrace)
		return
	}
	c.link.Finish(faultGrace)
}

// armDeadline sets the deadline to what is due first.
func (c *Conn) armDeadline() {
	if c.flags.has(lost) {
		return // the deadline is that of QuitGrace
	}
	at := c.timeouts.checkDue
	if f := c.timeouts.frameDue; f != 0 && (at == 0 || f < at) {
		at = f
	}
	c.link.SetDeadline(at.duration())
}

// startChecks begins to check whether the other side is there. The conn is made.
func (c *Conn) startChecks() {
	if every := c.checkInterval(); every > 0 {
		c.timeouts.lastInput = c.now()
		c.timeouts.checkDue = c.timeouts.lastInput.after(every)
	}
	if c.flags.has(heartbeats) {
		c.sendPing() // so that RTT is known soon
	}
	c.armDeadline()
}

// checkInterval is the time between two calls of checkSilence. 0 means that there are none:
// the other side does not know heartbeats, and Config.Idle is not set.
func (c *Conn) checkInterval() time.Duration {
	cfg := &c.peer.cfg
	switch {
	case c.flags.has(heartbeats) && cfg.Idle > 0:
		return min(cfg.Ping, max(cfg.Idle/3, 1))
	case c.flags.has(heartbeats):
		return cfg.Ping
	case cfg.Idle > 0:
		return max(cfg.Idle/3, 1)
	}
	return 0
}

// checkSilence ends a conn whose other side was silent for too long. Else it sends a ping, if
// the other side knows heartbeats.
func (c *Conn) checkSilence(now ticks) {
	limit := c.idleLimit()
	if limit > 0 && now >= c.timeouts.lastInput.surelyAfter(limit) {
		c.fault(ReasonTimeout, ErrIdle)
		return
	}
	if c.flags.has(heartbeats) {
		c.sendPing()
	}
	c.timeouts.checkDue = now.after(c.checkInterval())
	if limit > 0 { // the limit may be reached before the next check
		c.timeouts.checkDue = min(c.timeouts.checkDue, c.timeouts.lastInput.surelyAfter(limit))
	}
}

// idleLimit is how long the other side may be silent. 0 or less means for ever.
func (c *Conn) idleLimit() time.Duration {
	if limit := c.peer.cfg.Idle; limit != 0 {
		return limit
	}
	return 3 * c.peer.cfg.Ping // two pings may go unanswered
}

// noteInput notes that input came, with so many whole frames in it.
func (c *Conn) noteInput(frames int) {
	c.timeouts.lastInput = c.now()
	if c.partialFrame != nil || c.timeouts.frameDue != 0 {
		c.boundFrameTime(frames)
	}
}

// boundFrameTime starts the time for the rest of a frame that has just begun, and stops it
// if no frame has.
func (c *Conn) boundFrameTime(frames int) {
	switch {
	case c.partialFrame == nil:
		c.timeouts.frameDue = 0 // the deadline stays: Expired does nothing and arms it anew
	case c.timeouts.frameDue == 0 || frames > 0:
		c.timeouts.frameDue = c.now().after(c.peer.cfg.FrameTime)
		if c.flags.has(made) {
			c.armDeadline()
		}
	}
}
