package engine

// Conns whose other side does not read: how long and how much their output waits, when their
// handlers are told, and when they are ended.

import (
	"cmp"
	"slices"
	"time"
)

const (
	// recheckEvery is how often a conn is looked at whose transport has a backlog and
	// tells nobody when it can send more. What waits may wait for so much longer than it
	// must. Less costs more CPU time for each slow conn.
	recheckEvery = 5 * time.Millisecond

	// watchedEvery is the same for transports that tell, for its times alone.
	watchedEvery = Tick

	// crowdedBy is the part of Config.MaxTotalPending by which what waits for all
	// conns may exceed it before conns are ended, as a divisor: smaller, and a few
	// conns that send little end others.
	crowdedBy = 8
)

// backlogSender is a transport that the loop can ask, at any time, to send what waits.
type backlogSender interface {
	// move sends what can be sent at once.
	sendBacklog()
	// watches reports whether the conn is woken when more can be sent.
	tellsWritable() bool
}

// afterWrite notes the n bytes that the transport could not send, after a write.
func (c *Conn) afterWrite(n, written int) {
	c.noteBacklog(n, written)
	if n == 0 && !c.flags.has(toldAbove) {
		return
	}
	c.checkBacklog()
	if n > 0 && !c.flags.has(inLookout) && c.state != closed {
		c.flags.set(inLookout)
		c.loop.lookAfter(c)
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
		if l.r.total.Load() > l.r.crowded() {
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

// backlogs are the conns of a loop whose transports have output that they could not send.
// Loop only.
type backlogs struct {
	polled  lookout // conns whose transport tells nobody when it can send more
	watched lookout // those whose transport tells
	memory  int     // that all of them take, in bytes, without what is shared
	shared  int     // bytes of shared payloads in all of them
	crowded bool    // conns are to be ended, because those of all loops together take too much
}

// lookout is conns that are looked at again and again, as long as their transports
// have a backlog.
type lookout struct {
	conns []*Conn
	timer *Timer // nil: there are none
}

// lookAfter has c looked at again and again.
func (l *Loop) lookAfter(c *Conn) {
	on, every := &l.backlogs.polled, recheckEvery
	if m, ok := c.tr.(backlogSender); ok && m.tellsWritable() {
		on, every = &l.backlogs.watched, watchedEvery
	}
	on.conns = append(on.conns, c)
	if on.timer == nil {
		on.timer = l.timers.everyHidden(every, on.look)
	}
}

// look looks at the conns.
func (o *lookout) look() {
	for i := 0; i < len(o.conns); {
		c := o.conns[i]
		if m, ok := c.tr.(backlogSender); ok && c.state != closed {
			m.sendBacklog()
		}
		if !c.recheckBacklog() {
			i++
			continue
		}
		// Taken out one by one, since a Wrapper's transport may have called Goexit.
		c.flags.unset(inLookout)
		last := len(o.conns) - 1
		o.conns[i] = o.conns[last]
		o.conns[last] = nil
		o.conns = o.conns[:last]
	}
	if len(o.conns) == 0 {
		o.timer.Stop()
		o.timer = nil
	}
}

// crowded is how much memory output may take while it waits for all conns, in bytes,
// before some of them are ended.
func (r *Reactor) crowded() int64 {
	return int64(r.cfg.MaxTotalPending) + int64(r.cfg.MaxTotalPending)/crowdedBy
}

// endCrowding ends conns of the loop, those first for which the most waits, until the
// loop's part of Config.MaxTotalPending is kept. The loops' parts are equal, so that
// one whose conns read is left alone. It sorts, which is once for an eighth of the
// bound.
func (l *Loop) endCrowding() {
	l.backlogs.crowded = false
	if l.r.total.Load() <= l.r.crowded() {
		return
	}
	part := l.r.cfg.MaxTotalPending / len(l.r.loops)
	l.endLargest(part)
	if l.r.total.Load() > l.r.crowded() {
		for _, other := range l.r.loops {
			if other != l {
				other.Post(func() { other.endLargest(part) })
			}
		}
	}
}

// endLargest ends conns until no more than most bytes wait on the loop. Shared payloads
// belong to no loop: for them, it ends conns until all loops together are not over the
// bound any more, or none waits on this one.
func (l *Loop) endLargest(most int) {
	over := func() bool {
		return l.backlogs.memory > most || l.backlogs.shared > 0 && l.r.total.Load() > l.r.crowded()
	}
	if !over() {
		return
	}
	all := slices.Concat(l.backlogs.polled.conns, l.backlogs.watched.conns)
	slices.SortFunc(all, func(a, b *Conn) int { return cmp.Compare(b.backlogMemory(), a.backlogMemory()) })
	for _, c := range all {
		if !over() {
			return
		}
		c.endNow(ErrSlowConsumer)
	}
}

// backlogMemory is how much memory the conn's backlog takes, shared payloads included.
func (c *Conn) backlogMemory() int {
	if s := c.slow.Load(); s != nil {
		return s.counted + s.shared
	}
	return 0
}
