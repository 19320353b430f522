package peer

// What a conn waits for, and how long: the handshake, the rest of a frame, a sign of
// life, and the other side's end after a softquit.

import (
	"errors"
	"math"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// What a conn waits for, all in one deadline of its link: the handshake; the
// rest of a frame; the next heartbeat; and the other side's end after a
// softquit.
type timeouts struct {
	frameDue  ticks // by when the frame that has begun must be whole; 0: none has
	checkDue  ticks // when the other side is looked at next; 0: never
	lastInput ticks // when something came last
}

// ticks is a time on the loop's coarse clock, in the steps that it goes in.
type ticks int32

func (t ticks) duration() time.Duration { return time.Duration(t) * engine.Tick }

// now is the time on the conn's loop.
func (c *Conn) now() ticks { return ticks(c.link.Loop().Now() / engine.Tick) }

// after is when d will have passed.
func (t ticks) after(d time.Duration) ticks {
	return ticks(min(time.Duration(t)+(d-1)/engine.Tick+1, math.MaxInt32))
}

// surelyAfter is when d has certainly passed since some moment of the tick t.
func (t ticks) surelyAfter(d time.Duration) ticks { return t.after(d + engine.Tick) }

var (
	// ErrFrameTimeout ends a conn whose other side began a frame and did not
	// finish it in time.
	ErrFrameTimeout = errors.New("peer: frame was not finished in time")

	// ErrIdle ends a conn whose other side has not said anything for too long.
	ErrIdle = errors.New("peer: nothing was heard for too long")
)

// checkQuitGrace ends a conn after its softquit, unless the other side still takes what
// was sent before it: a slow reader is given time as long as it reads, and a
// reader that stands still is the soft bound's to end, or Shutdown's.
func (c *Conn) checkQuitGrace() {
	e, left := c.makeRare(), c.link.Pending()
	if left > 0 && (e.lastPending == 0 || left < e.lastPending) {
		e.lastPending = left
		c.link.SetDeadline(c.link.Loop().Now() + c.peer.cfg.QuitGrace)
		return
	}
	c.link.Finish(faultGrace)
}

// armDeadline sets the deadline to what comes first.
func (c *Conn) armDeadline() {
	if c.flags.has(lost) {
		return // the deadline is the other side's to close by
	}
	at := c.timeouts.checkDue
	if f := c.timeouts.frameDue; f != 0 && (at == 0 || f < at) {
		at = f
	}
	c.link.SetDeadline(at.duration())
}

// startChecks begins to look whether the other side is there.
func (c *Conn) startChecks() {
	if every := c.checkInterval(); every > 0 {
		c.timeouts.lastInput = c.now()
		c.timeouts.checkDue = c.timeouts.lastInput.after(every)
	}
	if c.flags.has(heartbeats) {
		c.sendPing() // for RTT to be known soon
	}
	c.armDeadline()
}

// checkInterval is how often that is; 0 means that nothing is expected of the other
// side: it does not know heartbeats, and no idle time was asked for.
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

// checkSilence ends a conn that was silent for too long, and asks one that knows
// heartbeats for a sign.
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
	if limit > 0 { // the silence may end before that
		c.timeouts.checkDue = min(c.timeouts.checkDue, c.timeouts.lastInput.surelyAfter(limit))
	}
}

// idleLimit is how long the other side may be silent; 0 or less means for ever.
func (c *Conn) idleLimit() time.Duration {
	if limit := c.peer.cfg.Idle; limit != 0 {
		return limit
	}
	return 3 * c.peer.cfg.Ping // two heartbeats may go unanswered
}

// noteInput notes that input came, and whether it left a frame unfinished.
func (c *Conn) noteInput(frames int) {
	c.timeouts.lastInput = c.now()
	if c.partialFrame != nil || c.timeouts.frameDue != 0 {
		c.boundFrameTime(frames)
	}
}

// boundFrameTime bounds the time for the rest of an unfinished frame, if there is one.
func (c *Conn) boundFrameTime(frames int) {
	switch {
	case c.partialFrame == nil:
		c.timeouts.frameDue = 0 // the deadline may come too early, and is then set anew
	case c.timeouts.frameDue == 0 || frames > 0:
		c.timeouts.frameDue = c.now().after(c.peer.cfg.FrameTime)
		if c.flags.has(made) {
			c.armDeadline()
		}
	}
}
