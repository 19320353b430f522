package engine

// How a conn ends: at once by Abort or for an error, in order by Finish.

import "time"

// Abort ends the conn at once, and Closed is called with err. What waits is lost.
func (c *Conn) Abort(err error) {
	c.abort(err, askAbort)
}

// withdraw is Abort for a conn that may not have been opened yet. Then it will not be
// opened, and its handler is not told.
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

// Finish ends the conn in order: what waits is sent, then the other side is told that no
// more comes, and then it has what is left of grace to close. The grace begins anew each
// time that the other side has taken 4 KiB more of what waits. Input is dropped from now
// on.
func (c *Conn) Finish(grace time.Duration) {
	s := c.needSlow()
	c.mu.Lock()
	s.grace = grace
	c.mu.Unlock()
	c.request(askFinish)
}

// isEnding reports whether Abort or Finish was called and the loop has not done it yet.
func (c *Conn) isEnding() bool { return c.requests.Load()&(askAbort|askFinish) != 0 }

// endNow ends the conn from this side.
func (c *Conn) endNow(err error) {
	if c.state == closed {
		return
	}
	if !c.flags.has(flushing) { // else the rest of that would be missing before it
		c.flush() // what was written is sent if the socket takes it at once
	}
	if c.state == closed {
		return
	}
	c.noteBacklog(c.tr.Buffered(), 0)
	c.remove(err)
}

// remove takes the conn off the loop and closes its transport. Closed is called after the
// callback that is under way.
func (c *Conn) remove(err error) {
	l := c.loop
	lost := c.Waiting()
	if _, knows := c.tr.(*stream); !knows { // other transports may have dropped their backlog when they ended
		lost.Bytes += max(c.backlog-c.tr.Buffered(), 0)
	}
	c.become(closed)
	if l.tap != nil {
		l.tap.Closed(c, err)
	}
	l.deadlines.take(c)
	l.conns.remove(c)

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
	if s := c.slow.Load(); s != nil && s.counted|s.shared != 0 {
		defer c.uncountMemory(s) // when the memory is free, and can be collected
	}
	c.closeTransport()
}

// uncountMemory takes the conn's backlog out of the reactor's total.
func (c *Conn) uncountMemory(s *slowState) {
	c.loop.backlogs.memory -= s.counted
	c.loop.backlogs.shared -= s.shared
	c.loop.r.total.Add(int64(-s.counted))
	s.counted, s.shared = 0, 0
}

// closeTransport closes the transport. The rest of the end was done before, because a
// program's transport may panic or call Goexit.
func (c *Conn) closeTransport() {
	c.loop.r.call(c.tr.Close)
}

// beginFinish does what Finish asked for.
func (c *Conn) beginFinish() {
	c.become(finishing)
	c.applyPause() // the other side's end is waited for, and its input dropped
	c.restartGrace()
	c.markDirty()
}

// restartGrace gives a finishing conn its grace from now on.
func (c *Conn) restartGrace() {
	s := c.needSlow()
	c.mu.Lock()
	grace := s.grace
	c.mu.Unlock()
	s.unsent = c.pendingNow()
	c.setDeadline(later(c.loop.deadlines.time(), max(grace, 1)))
}

// halfClose ends this side's direction, and waits for the end of the other side's.
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
		c.transportFailed(err)
	}
}

// transportFailed removes the conn because of what a method of its transport returned.
func (c *Conn) transportFailed(err error) {
	if c.loop.tap != nil {
		c.loop.tap.Ended(c, err)
	}
	c.remove(err)
}

// leastProgress is how many bytes a slow reader must have taken in its grace to be given as
// much time again. Less lets it hold the conn for longer; more ends honest slow ones.
const leastProgress = 4 << 10

// extendGrace gives a finishing conn another grace if the other side takes its output.
func (c *Conn) extendGrace() bool {
	if c.pendingNow() > c.needSlow().unsent-leastProgress {
		return false
	}
	c.restartGrace()
	return true
}

// graceOver ends a conn that was asked to finish and has had its grace.
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
