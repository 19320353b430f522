package engine

// Conns whose other side does not read: how long and how much their output waits, when their
// handlers are told, and when they are ended. Which of them wait, backlogs.go knows.

// afterWrite notes the n bytes that the transport could not send, after a write.
func (c *Conn) afterWrite(n, written int) {
	c.noteBacklog(n, written)
	if n == 0 && !c.flags.has(toldAbove) {
		return
	}
	c.checkBacklog()
	if n > 0 && !c.flags.has(inLookout) && c.state != closed {
		c.flags.set(inLookout)
		c.loop.backlogs.lookAfter(c)
	}
}

// noteBacklog notes that the transport has n bytes that it could not send, after it was
// given written more bytes.
func (c *Conn) noteBacklog(n, written int) {
	if n|c.backlog != 0 {
		s := c.needSlow()
		if c.backlog == 0 || n < c.backlog+written {
			s.progressAt = c.loop.deadlines.time()
		}
		c.backlog = n
		c.countMemory(s)
	}
	if c.flags.has(flushing) {
		n += c.loop.unwritten.size() // no longer queued, and not the transport's yet
	}
	if was := c.loopBytes.Load(); was != int64(n) {
		c.loopBytes.Store(int64(n))
		if was > int64(n) {
			c.admitWaiters()
		}
	}
}

// countMemory counts the memory of the transport's backlog towards the reactor's total.
// Shared payloads count themselves, once for all conns.
func (c *Conn) countMemory(s *slowState) {
	n, shared := c.backlog, 0
	if w, ok := c.tr.(sharedWriter); ok {
		shared = w.sharedBytes()
	}
	if k, ok := c.tr.(Keeper); ok && n > 0 {
		n = max(n-shared, k.Memory())
	}
	grown := n > s.counted || shared > s.shared
	l := c.loop
	l.backlogs.shared += shared - s.shared
	s.shared = shared
	if d := n - s.counted; d != 0 {
		s.counted = n
		l.backlogs.memory += d
		l.r.total.Add(int64(d))
	}
	if grown {
		if l.r.isCrowded() {
			l.backlogs.crowded = true
		}
		l.r.lighten()
	}
}

// recheckBacklog looks again at a conn whose transport has a backlog. It reports whether
// the backlog is gone.
func (c *Conn) recheckBacklog() bool {
	if c.state == closed {
		return true
	}
	c.noteBacklog(c.tr.Buffered(), 0)
	c.checkBacklog()
	if c.state == closed {
		return true
	}
	if c.backlog > 0 {
		return false
	}
	if c.state == finishing || c.out != nil || c.hasQueued.Load() {
		c.markDirty()
	}
	return true
}

// checkBacklog compares what waits with Config.SoftPending, and how long it has waited
// with SoftTime and StallTime. What could be sent was sent before.
func (c *Conn) checkBacklog() {
	cfg := &c.loop.r.cfg
	n := c.backlog
	if c.flags.has(delayOutput) {
		n = c.pendingNow()
	}
	switch {
	case !c.flags.has(toldAbove) && n > cfg.SoftPending:
		c.flags.set(toldAbove)
		c.needSlow().aboveSince = c.loop.deadlines.time()
		c.deferPressure()
	case c.flags.has(toldAbove) && n <= cfg.SoftPending/2:
		c.flags.unset(toldAbove)
		c.deferPressure()
	case c.state != open || n == 0:
	case c.flags.has(toldAbove) && c.loop.Now()-c.needSlow().aboveSince > cfg.SoftTime,
		c.backlog > 0 && c.loop.Now()-c.needSlow().progressAt > cfg.StallTime:
		c.endNow(ErrSlowConsumer)
	}
}

// deferPressure has Pressure called when the writes that are under way are over.
func (c *Conn) deferPressure() {
	q := &c.loop.events
	q.pressure = append(q.pressure, pressureEvent{c, c.flags.has(toldAbove)})
}

// crowdedBy is the part of Config.MaxTotalPending by which what waits for all
// conns may exceed it before conns are ended, as a divisor: smaller, and a few
// conns that send little end others.
const crowdedBy = 8

// isCrowded reports whether what waits for all conns takes so much memory that some of them
// are to be ended.
func (r *Reactor) isCrowded() bool {
	most := int64(r.cfg.MaxTotalPending)
	return r.total.Load() > most+most/crowdedBy
}

// endCrowding ends conns of the loop on, which is the calling one, until the loop's part of
// Config.MaxTotalPending is kept. The loops' parts are equal, so that one whose conns read is
// left alone. If that is not enough, the other loops do the same.
func (r *Reactor) endCrowding(on *Loop) {
	on.backlogs.crowded = false
	if !r.isCrowded() {
		return
	}
	part := r.cfg.MaxTotalPending / len(r.loops)
	on.backlogs.endLargest(part, r.isCrowded)
	if !r.isCrowded() {
		return
	}
	for _, other := range r.loops {
		if other != on {
			other.Post(func() { other.backlogs.endLargest(part, r.isCrowded) })
		}
	}
}
