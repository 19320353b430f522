package peer

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
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

// Expired implements engine.Handler.
func (s *session) Expired(*engine.Conn) {
	c := s.conn()
	now := c.now()
	switch {
	case c.lost: // softquit, and the other side has not closed
		c.outwait()
		return
	case !c.made && c.State() < Active:
		c.fault(ReasonTimeout, ErrHandshakeTimeout)
		return
	case !c.made && c.State() == Active && c.shaking:
		return // SetState made it so: the program has a handshake of its own
	case !c.made:
		c.fault(ReasonTimeout, ErrHandshakeTimeout)
		return
	case c.watch.frame != 0 && c.watch.frame <= now:
		c.fault(ReasonTimeout, ErrFrameTimeout)
		return
	case c.watch.beat != 0 && c.watch.beat <= now:
		c.look(now)
	}
	c.await()
}

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
	if c.lost {
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
	if c.beats {
		c.beat() // for RTT to be known soon
	}
	c.await()
}

// lookEvery is how often that is; 0 means that nothing is expected of the other
// side: it does not know heartbeats, and no idle time was asked for.
func (c *Conn) lookEvery() time.Duration {
	cfg := &c.peer.cfg
	switch {
	case c.beats && cfg.Idle > 0:
		return min(cfg.Ping, max(cfg.Idle/3, 1))
	case c.beats:
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
	if c.beats {
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

// beat sends a heartbeat.
func (c *Conn) beat() {
	var stamp [9]byte
	stamp[0] = 0xcf // uint64
	binary.BigEndian.PutUint64(stamp[1:], uint64(c.link.Loop().Time()))
	c.emit(registry.IDPing, func(b []byte) []byte { return append(b, stamp[:]...) })
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
		if c.made {
			c.await()
		}
	}
}

// heartbeat handles one. Nothing is due to a side that has not finished the handshake: it
// could have answers wait here before it has shown who it is.
func (c *Conn) heartbeat(id uint16, payload []byte) {
	switch {
	case !c.made:
	case id == registry.IDPing:
		c.onPing(payload)
	default:
		c.onPong(payload)
	}
}

// onPing answers a heartbeat with the same payload.
func (c *Conn) onPing(payload []byte) {
	c.emit(registry.IDPong, func(b []byte) []byte { return append(b, payload...) })
}

// onPong takes the time that a heartbeat took to come back.
func (c *Conn) onPong(payload []byte) {
	if len(payload) != 9 || payload[0] != 0xcf {
		c.violation(registry.IDPong, "answers no heartbeat of ours")
		return
	}
	sent := time.Duration(binary.BigEndian.Uint64(payload[1:]))
	if rtt := c.link.Loop().Time() - sent; rtt > 0 && rtt < time.Hour {
		c.rtt.Store(uint32((rtt-1)/time.Microsecond + 1))
	}
}

// RTT is the round-trip time that the last heartbeat took, in whole
// microseconds; 0 before the first one came back, and for other sides that do
// not know heartbeats.
func (c *Conn) RTT() time.Duration {
	if c == nil {
		return 0
	}
	return time.Duration(c.rtt.Load()) * time.Microsecond
}

// Pressure implements engine.Handler.
func (s *session) Pressure(_ *engine.Conn, above bool) {
	c := s.conn()
	if c.peer.cfg.OnPressure != nil {
		c.more().above = above
		c.tellPressure()
	}
}

// tellPressure calls OnPressure if the program does not know yet. What was so
// before OnMade is told after it, and after OnLost nothing is.
func (c *Conn) tellPressure() {
	e := c.extra.Load()
	if e == nil || e.above == e.knowsAbove || !c.made || c.lost {
		return
	}
	e.knowsAbove = e.above
	c.peer.cfg.OnPressure(c, e.above)
}
