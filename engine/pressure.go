package engine

import "time"

// recheckEvery is how often a congested conn is looked at: no driver tells
// when output has drained.
const recheckEvery = 5 * time.Millisecond

// measure notes the n bytes that the transport could not move on.
func (c *Conn) measure(n int) {
	c.hold(n)
	if n == 0 && !c.above {
		return
	}
	c.weigh()
	if n > 0 && !c.congested && c.phase != closed {
		c.congested = true
		c.loop.congest(c)
	}
}

// hold notes how much the transport holds.
func (c *Conn) hold(n int) {
	if c.held != n {
		c.loop.r.total.Add(int64(n - c.held))
		c.held = n
	}
	if c.writing {
		n += c.loop.rest.size() // no longer queued, and not the transport's yet
	}
	if c.buffered.Load() != int64(n) {
		c.buffered.Store(int64(n))
	}
}

// relieved looks again at a congested conn; it reports whether all has moved
// on.
func (c *Conn) relieved() bool {
	if c.phase == closed {
		return true
	}
	c.hold(c.tr.Buffered())
	c.weigh()
	if c.phase == closed {
		return true
	}
	if c.held > 0 {
		return false
	}
	if c.phase == finishing || c.out != nil || c.waits.Load() {
		c.touch()
	}
	return true
}

// weigh compares what waits with the soft bound.
func (c *Conn) weigh() {
	cfg := &c.loop.r.cfg
	n := c.held
	if c.holdBack {
		n = c.pending()
	}
	switch {
	case !c.above && n > cfg.SoftPending:
		c.above, c.strained().since = true, c.loop.r.clock.now()
		c.press()
	case c.above && n <= cfg.SoftPending/2:
		c.above = false
		c.press()
	case c.above && c.loop.r.clock.now()-c.strained().since > cfg.SoftTime && c.phase == open:
		c.kill(ErrSlowConsumer)
	}
}

// press has Pressure called when the writes that are under way are over: what a
// Goexit there would keep them from doing, nobody could make up for.
func (c *Conn) press() { c.loop.pressed = append(c.loop.pressed, pressure{c, c.above}) }

// pressure is a call of Pressure that is due.
type pressure struct {
	c     *Conn
	above bool
}

func (p pressure) tell() {
	c := p.c
	if c.phase != open || c.ending() {
		return
	}
	returned := false
	defer c.loop.caught(c, &returned)
	c.handler.Pressure(c, p.above)
	returned = true
}

func (l *Loop) congest(c *Conn) {
	l.congested = append(l.congested, c)
	if l.recheck == nil {
		l.recheck = l.Every(recheckEvery, l.relieve)
	}
}

// relieve looks again at the congested conns.
func (l *Loop) relieve() {
	for i := 0; i < len(l.congested); {
		c := l.congested[i]
		if !c.relieved() {
			i++
			continue
		}
		// Taken out one by one, since Pressure may have called Goexit.
		c.congested = false
		last := len(l.congested) - 1
		l.congested[i] = l.congested[last]
		l.congested[last] = nil
		l.congested = l.congested[:last]
	}
	if len(l.congested) == 0 {
		l.recheck.Stop()
		l.recheck = nil
	}
}
