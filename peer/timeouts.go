package peer

// What a conn waits for, and how long: the handshake, the rest of a frame, a sign of
// life, and the other side's end after a softquit. The times are in Config.Times. The
// handshake of TLS has its own, in tls.go.

import (
	"errors"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// timeouts is what a made conn waits for. The engine has one deadline for each conn, so
// armDeadline sets it to whichever of the two is due first. Before a conn is made the
// deadline is the handshake's, and after OnLost it is that of QuitGrace.
type timeouts struct {
	frameDue  engine.Ticks // by when the frame that has begun must be whole; 0: none has begun
	checkDue  engine.Ticks // when checkSilence is called next; 0: never
	lastInput engine.Ticks // when input came last
}

// now is the time of the conn's loop.
func (c *Conn) now() engine.Ticks { return c.link.Loop().Ticks() }

var (
	// ErrFrameTimeout ends a conn whose other side began a frame and did not
	// finish it in time.
	ErrFrameTimeout = errors.New("peer: frame was not finished in time")

	// ErrIdle ends a conn whose other side has not said anything for too long.
	ErrIdle = errors.New("peer: nothing was heard for too long")
)

// armHandshakeDeadline bounds how long the conn may take until it is made.
func (c *Conn) armHandshakeDeadline() {
	c.link.SetDeadline(c.link.Loop().Now() + c.peer.cfg.Handshake)
}

// expired does what is due now that the deadline has passed.
func (c *Conn) expired() {
	now := c.now()
	c.pauseClocks(now)
	switch {
	case c.flags.has(lost): // it was softquit, and the other side has not closed
		c.checkQuitGrace()
		return
	case !c.flags.has(made) && c.State() == Active && c.flags.has(handshaking):
		return // UntypedConn.SetState has made it Active: the program has a handshake of its own
	case !c.flags.has(made):
		c.fault(ReasonTimeout, ErrHandshakeTimeout)
		return
	case c.timeouts.frameDue != 0 && c.timeouts.frameDue <= now:
		c.fault(ReasonTimeout, ErrFrameTimeout)
		return
	case c.timeouts.checkDue != 0 && c.timeouts.checkDue <= now:
		c.checkSilence(now)
	}
	c.armDeadline()
}

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
	c.link.SetDeadline(at.Time())
}

// startChecks begins to check whether the other side is there. The conn is made.
func (c *Conn) startChecks() {
	if every := c.checkInterval(); every > 0 {
		c.timeouts.lastInput = c.now()
		c.timeouts.checkDue = c.timeouts.lastInput.After(every)
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
func (c *Conn) checkSilence(now engine.Ticks) {
	limit := c.idleLimit()
	if limit > 0 && now >= c.timeouts.lastInput.AfterAll(limit) {
		c.fault(ReasonTimeout, ErrIdle)
		return
	}
	if c.flags.has(heartbeats) {
		c.sendPing()
	}
	c.timeouts.checkDue = now.After(c.checkInterval())
	if limit > 0 { // the limit may be reached before the next check
		c.timeouts.checkDue = min(c.timeouts.checkDue, c.timeouts.lastInput.AfterAll(limit))
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
		c.timeouts.frameDue = c.now().After(c.peer.cfg.FrameTime)
		if c.flags.has(made) {
			c.armDeadline()
		}
	}
}
