package engine

import "time"

// Abort ends the conn at once, for the reason err, which Closed is told. What
// waits is lost.
func (c *Conn) Abort(err error) {
	c.abort(err, askAbort)
}

// withdraw is Abort for a conn that may not have been opened yet: then it is not
// opened any more, and its handler not told.
func (c *Conn) withdraw(err error) {
	c.abort(err, askAbort|askWithdraw)
}

func (c *Conn) abort(err error, bits uint32) {
	s := c.strained()
	c.mu.Lock()
	if s.reason == nil {
		s.reason = err
	}
	c.mu.Unlock()
	c.ask(bits)
}

// Finish ends the conn in order: what waits is sent, the other side is told
// that no more comes, and then has what is left of grace to close. Grace begins
// anew as long as the other side takes what waits, 4 KiB at least each time.
// Input is dropped from now on.
func (c *Conn) Finish(grace time.Duration) {
	s := c.strained()
	c.mu.Lock()
	s.grace = grace
	c.mu.Unlock()
	c.ask(askFinish)
}

// ending reports whether the end has been asked for and not been looked at.
func (c *Conn) ending() bool { return c.asked.Load()&(askAbort|askFinish) != 0 }

// kill ends the conn from this side.
func (c *Conn) kill(err error) {
	if c.state == closed {
		return
	}
	if !c.flags.has(flushing) { // else there would be a hole in it
		c.flush() // what was written before the end has its one chance
	}
	if c.state == closed {
		return
	}
	c.hold(c.tr.Buffered(), 0)
	c.bury(err)
}

// bury takes the conn off the loop, closes its transport, and reports its end
// behind the callback that is under way.
func (c *Conn) bury(err error) {
	l := c.loop
	lost := c.Waiting()
	if _, tells := c.tr.(*stream); !tells {
		lost.Bytes += max(c.held-c.tr.Buffered(), 0) // a transport that has ended may have forgotten it
	}
	c.become(closed)
	l.wheel.take(c)
	last := len(l.conns) - 1
	l.conns[c.slot] = l.conns[last]
	l.conns[c.slot].slot = c.slot
	l.conns[last] = nil
	l.conns = l.conns[:last]

	c.mu.Lock()
	c.shut = true
	c.endWaits()
	c.grow(c.side.counted(), 0)
	c.side.clear(&l.r.pool)
	c.mu.Unlock()
	if c.out != nil {
		l.buffers.Put(c.out)
		c.out = nil
	}
	if c.flags.has(flushing) {
		l.rest.clear(&l.r.pool)
	}
	c.buffered.Store(0)
	c.lose(lost)
	l.lost = append(l.lost, burial{c, err})
	if s := c.strain.Load(); s != nil && s.counted != 0 {
		defer c.uncount(s) // when the memory is free: somebody may collect it then
	}
	c.hangUp()
}

// uncount takes the conn's part out of the reactor's total.
func (c *Conn) uncount(s *strain) {
	c.loop.waiting -= s.counted
	c.loop.r.total.Add(int64(-s.counted))
	s.counted = 0
}

// hangUp closes the transport. The conn has ended by then, so that one with a
// fault there keeps nothing from its end.
func (c *Conn) hangUp() {
	c.loop.call(nil, c.tr.Close)
}

func (c *Conn) finish() {
	c.become(finishing)
	c.allow()
	c.touch()
}

// allow gives an ending conn its grace, from now on.
func (c *Conn) allow() {
	s := c.strained()
	c.mu.Lock()
	grace := s.grace
	c.mu.Unlock()
	s.unsent = c.pending()
	c.setDeadline(later(c.loop.wheel.time(c.loop), max(grace, 1)))
}

// finWrite ends this side's direction and waits for the other side's.
func (c *Conn) finWrite() {
	s := c.strained()
	c.mu.Lock()
	c.shut = true
	c.endWaits()
	rest, grace := c.waits.Load(), s.grace
	c.mu.Unlock()
	if rest { // queued between the flush and the lock
		c.touch()
		return
	}
	c.become(halfClosed)
	if grace <= 0 {
		c.overdue()
		return
	}
	if err := c.tr.CloseWrite(); err != nil && c.state != closed {
		c.bury(err)
	}
}

// leastMove is how much a slow reader must have taken in its grace to be given
// as much again.
const leastMove = 4 << 10

// moves gives an ending conn another grace if the other side takes its output.
func (c *Conn) moves() bool {
	if c.pending() > c.strained().unsent-leastMove {
		return false
	}
	c.allow()
	return true
}

func (c *Conn) overdue() {
	if c.state == closed {
		return
	}
	var err error
	if c.state == finishing {
		c.hold(c.tr.Buffered(), 0)
		if c.moves() {
			return
		}
		err = ErrFlushTimeout
	}
	c.bury(err)
}
