package engine

// How a conn is opened, or refused before it is open.

// start opens the conn over its transport.
func (c *Conn) start() {
	l := c.loop
	switch {
	case l.closing.begun:
		c.refuseOpen(ErrClosed)
		return
	case c.requests.Load()&askWithdraw != 0: // its caller knows
		c.refuseOpen(nil)
		return
	}
	l.conns.add(c)
	l.deadlines.start()
	if l.tap != nil {
		l.tap.Opened(c)
	}
	c.open()
	c.answer()
	if l.r.draining.Load() {
		c.drain()
	}
}

// refuseOpen ends a conn that is not opened; its handler is told err, unless that is
// nil.
func (c *Conn) refuseOpen(err error) {
	c.become(closed)
	c.dropQueued()
	defer c.loop.r.releaseConn()
	defer c.closeTransport()
	if err != nil {
		c.loop.r.call(func() { notOpened(c, c.handler, err) })
	}
}

func (c *Conn) open() {
	c.call(func() {
		if w, ok := c.handler.(Wrapper); ok {
			c.wrap(w)
		}
		c.tr.Open(c.sink())
		if c.state == unopened {
			c.become(open)
		}
		c.handler.Opened(c)
	})
}

// dropQueued drops what was queued for a conn that will not be opened.
func (c *Conn) dropQueued() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	c.endWaits()
	c.grow(c.queued.counted(), 0)
	c.queued.clear(&c.loop.r.pool)
}
