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
type watch struct {
	frame ticks // by when the frame that has begun must be whole; 0: none has
	beat  ticks // when the other side is looked at next; 0: never
	heard ticks // when something came last
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

// over is when d has certainly passed since some moment of the tick t.
func (t ticks) over(d time.Duration) ticks { return t.after(d + engine.Tick) }

var (
	// ErrFrameTimeout ends a conn whose other side began a frame and did not
	// finish it in time.
	ErrFrameTimeout = errors.New("peer: frame was not finished in time")

	// ErrIdle ends a conn whose other side has not said anything for too long.
	ErrIdle = errors.New("peer: nothing was heard for too long")
)

// outwait ends a conn after its softquit, unless the other side still takes what
// was sent before it: a slow reader is given time as long as it reads, and a
// reader that stands still is the soft bound's to end, or Shutdown's.
func (c *Conn) outwait() {
	e, left := c.more(), c.link.Pending()
	if left > 0 && (e.left == 0 || left < e.left) {
		e.left = left
		c.link.SetDeadline(c.link.Loop().Now() + c.peer.cfg.QuitGrace)
		return
	}
	c.link.Finish(faultGrace)
}

// await sets the deadline to what comes first.
func (c *Conn) await() {
	if c.flags.has(lost) {
		return // the deadline is the other side's to close by
	}
	at := c.watch.beat
	if f := c.watch.frame; f != 0 && (at == 0 || f < at) {
		at = f
	}
	c.link.SetDeadline(at.duration())
}

// watchOver begins to look whether the other side is there.
func (c *Conn) watchOver() {
	if every := c.lookEvery(); every > 0 {
		c.watch.heard = c.now()
		c.watch.beat = c.watch.heard.after(every)
	}
	if c.flags.has(heartbeats) {
		c.beat() // for RTT to be known soon
	}
	c.await()
}

// lookEvery is how often that is; 0 means that nothing is expected of the other
// side: it does not know heartbeats, and no idle time was asked for.
func (c *Conn) lookEvery() time.Duration {
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

// look ends a conn that was silent for too long, and asks one that knows
// heartbeats for a sign.
func (c *Conn) look(now ticks) {
	limit := c.idleLimit()
	if limit > 0 && now >= c.watch.heard.over(limit) {
		c.fault(ReasonTimeout, ErrIdle)
		return
	}
	if c.flags.has(heartbeats) {
		c.beat()
	}
	c.watch.beat = now.after(c.lookEvery())
	if limit > 0 { // the silence may end before that
		c.watch.beat = min(c.watch.beat, c.watch.heard.over(limit))
	}
}

// idleLimit is how long the other side may be silent; 0 or less means for ever.
func (c *Conn) idleLimit() time.Duration {
	if limit := c.peer.cfg.Idle; limit != 0 {
		return limit
	}
	return 3 * c.peer.cfg.Ping // two heartbeats may go unanswered
}

// heed notes that input came, and whether it left a frame unfinished.
func (c *Conn) heed(frames int) {
	c.watch.heard = c.now()
	if c.reader != nil || c.watch.frame != 0 {
		c.timeFrame(frames)
	}
}

// timeFrame bounds the time for the rest of an unfinished frame, if there is one.
func (c *Conn) timeFrame(frames int) {
	switch {
	case c.reader == nil:
		c.watch.frame = 0 // the deadline may come too early, and is then set anew
	case c.watch.frame == 0 || frames > 0:
		c.watch.frame = c.now().after(c.peer.cfg.FrameTime)
		if c.flags.has(made) {
			c.await()
		}
	}
}
