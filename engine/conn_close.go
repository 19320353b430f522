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
	s := c.needSlow()
	c.mu.Lock()
	if s.reason == nil {
		s.reason = err
	}
	c.mu.Unlock()
	c.request(bits)
}

// Finish ends the conn in order: what waits is sent, the other side is told
// that no more comes, and then has what is left of grace to close. Grace begins
// anew as long as the other side takes what waits, 4 KiB at least each time.
// Input is dropped from now on.
func (c *Conn) Finish(grace time.Duration) {
	s := c.needSlow()
	c.mu.Lock()
	s.grace = grace
	c.mu.Unlock()
	c.request(askFinish)
}

// ending reports whether the end has been asked for and not been looked at.
func (c *Conn) isEnding() bool { return c.requests.Load()&(askAbort|askFinish) != 0 }

// kill ends the conn from this side.
func (c *Conn) endNow(err error) {
	if c.state == closed {
		return
	}
	if !c.flags.has(flushing) { // else there would be a hole in it
		c.flush() // what was written before the end has its one chance
	}
	if c.state == closed {
		return
	}
	c.noteBacklog(c.tr.Buffered(), 0)
	c.remove(err)
}

// bury takes the conn off the loop, closes its transport, and reports its end
// behind the callback that is under way.
func (c *Conn) remove(err error) {
	l := c.loop
	lost := c.Waiting()
	if _, tells := c.tr.(*stream); !tells {
		lost.Bytes += max(c.backlog-c.tr.Buffered(), 0) // a transport that has ended may have forgotten it
	}
	c.become(closed)
	l.deadlines.take(c)
	last := len(l.conns) - 1
	l.conns[c.slot] = l.conns[last]
	l.conns[c.slot].slot = c.slot
	l.conns[last] = nil
	l.conns = l.conns[:last]

	c.mu.Lock()
	c.shut = true
	c.endWaits()
	c.grow(c.queued.counted(), 0)
	c.queued.clear(&l.r.pool)
	c.mu.Unlock()
	if c.out != nil {
		l.buffers.Put(c.out)
		c.out = nil
	}
	if c.flags.has(flushing) {
		l.unwritten.clear(&l.r.pool)
	}
	c.loopBytes.Store(0)
	c.noteUnsent(lost)
	l.events.closed = append(l.events.closed, closedEvent{c, err})
	if s := c.slow.Load(); s != nil && s.counted != 0 {
		defer c.uncountMemory(s) // when the memory is free: somebody may collect it then
	}
	c.closeTransport()
}

// uncount takes the conn's part out of the reactor's total.
func (c *Conn) uncountMemory(s *slowState) {
	c.loop.backlogs.memory -= s.counted
	c.loop.r.total.Add(int64(-s.counted))
	s.counted = 0
}

// hangUp closes the transport. The conn has ended by then, so that one with a
// fault there keeps nothing from its end.
func (c *Conn) closeTransport() {
	c.loop.call(nil, c.tr.Close)
}

func (c *Conn) beginFinish() {
	c.become(finishing)
	c.restartGrace()
	c.markDirty()
}

// allow gives an ending conn its grace, from now on.
func (c *Conn) restartGrace() {
	s := c.needSlow()
	c.mu.Lock()
	grace := s.grace
	c.mu.Unlock()
	s.unsent = c.pendingNow()
	c.setDeadline(later(c.loop.deadlines.time(c.loop), max(grace, 1)))
}

// finWrite ends this side's direction and waits for the other side's.
func (c *Conn) halfClose() {
	s := c.needSlow()
	c.mu.Lock()
	c.shut = true
	c.endWaits()
	rest, grace := c.hasQueued.Load(), s.grace
	c.mu.Unlock()
	if rest { // queued between the flush and the lock
		c.markDirty()
		return
	}
	c.become(halfClosed)
	if grace <= 0 {
		c.graceOver()
		return
	}
	if err := c.tr.CloseWrite(); err != nil && c.state != closed {
		c.remove(err)
	}
}

// leastMove is how much a slow reader must have taken in its grace to be given
// as much again.
const leastMove = 4 << 10

// moves gives an ending conn another grace if the other side takes its output.
func (c *Conn) extendGrace() bool {
	if c.pendingNow() > c.needSlow().unsent-leastMove {
		return false
	}
	c.restartGrace()
	return true
}

func (c *Conn) graceOver() {
	if c.state == closed {
		return
	}
	var err error
	if c.state == finishing {
		c.noteBacklog(c.tr.Buffered(), 0)
		if c.extendGrace() {
			return
		}
		err = ErrFlushTimeout
	}
	c.remove(err)
}
