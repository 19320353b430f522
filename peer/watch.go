package peer

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// What a conn waits for, all in one deadline of its link: the handshake; the
// rest of a frame; the next heartbeat; and the other side's end after a
// softquit. Times are on the loop's coarse clock.
type watch struct {
	frame  time.Duration // by when the frame that has begun must be whole; 0: none has
	beat   time.Duration // when the other side is looked at next; 0: never
	heard  bool          // something came since the last look
	silent time.Duration // since when nothing came, at a look
	left   int           // bytes that waited at a look after the softquit
}

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
	now := c.link.Loop().Now()
	switch {
	case c.lost: // softquit, and the other side has not closed
		c.outwait()
		return
	case !c.made && c.State() < Active:
		c.fault(ReasonTimeout, ErrHandshakeTimeout)
		return
	case !c.made && c.State() == Active && !c.peer.cfg.SkipHandshake && c.reader.Check != nil:
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
	left := c.link.Pending()
	if left > 0 && (c.watch.left == 0 || left < c.watch.left) {
		c.watch.left = left
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
	c.link.SetDeadline(at)
}

// watchOver begins to look whether the other side is there.
func (c *Conn) watchOver() {
	if every := c.lookEvery(); every > 0 {
		now := c.link.Loop().Now()
		c.watch.beat, c.watch.silent, c.watch.heard = now+every, now, false
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
func (c *Conn) look(now time.Duration) {
	cfg := &c.peer.cfg
	if c.watch.heard {
		c.watch.heard, c.watch.silent = false, now
	}
	limit := cfg.Idle
	if limit == 0 {
		limit = 3 * cfg.Ping // two heartbeats may go unanswered
	}
	if limit > 0 && now-c.watch.silent >= limit {
		c.fault(ReasonTimeout, ErrIdle)
		return
	}
	if c.beats {
		var stamp [9]byte
		stamp[0] = 0xcf // uint64
		binary.BigEndian.PutUint64(stamp[1:], uint64(c.link.Loop().Time()))
		c.emit(registry.IDPing, func(b []byte) []byte { return append(b, stamp[:]...) })
	}
	c.watch.beat = now + c.lookEvery()
}

// heed notes that input came, and whether it left a frame unfinished.
func (c *Conn) heed(frames int) {
	c.watch.heard = true
	unfinished := c.reader.Buffered() > 0
	switch {
	case !unfinished && c.watch.frame == 0:
	case !unfinished:
		c.watch.frame = 0 // the deadline may come too early, and is then set anew
	case c.watch.frame == 0 || frames > 0:
		c.watch.frame = c.link.Loop().Now() + c.peer.cfg.FrameTime
		if c.made {
			c.await()
		}
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
		c.rtt.Store(int64(rtt))
	}
}

// RTT is the round-trip time that the last heartbeat took; 0 before the first
// one came back, and for other sides that do not know heartbeats.
func (c *Conn) RTT() time.Duration { return time.Duration(c.rtt.Load()) }

// Pressure implements engine.Handler.
func (s *session) Pressure(_ *engine.Conn, above bool) {
	c := s.conn()
	if f := c.peer.cfg.OnPressure; f != nil {
		returned := false
		defer c.caught(&returned)
		f(c, above)
		returned = true
	}
}
