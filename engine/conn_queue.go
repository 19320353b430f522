package engine

// Output from any goroutine: messages wait in the conn's queue until its loop flushes them.

// Queue copies b, a message. It is sent after all that was written or queued before, on
// whatever goroutine. Queue never blocks. An error means that nothing was queued:
// ErrClosed; a SizeError for more than Config.MaxPending, which will never fit; or
// ErrBackpressure when more than that would wait, or when all conns together have
// Config.MaxTotalPending waiting and this one has more than its part of it.
//
// Nil means that the transport will get the bytes unless the conn ends before. Unsent
// tells what it did not get.
func (c *Conn) Queue(b []byte) error { return c.QueueParts(b, nil) }

// QueueParts is Queue for head and body, with nothing between the two.
func (c *Conn) QueueParts(head, body []byte) error {
	if c.loop == nil { // never brought to a reactor
		return ErrClosed
	}
	c.mu.Lock()
	if c.shut {
		c.mu.Unlock()
		return ErrClosed
	}
	if err := c.loop.r.checkRoom(int(c.loopBytes.Load())+c.queued.size(), len(head)+len(body)); err != nil {
		c.mu.Unlock()
		return err
	}
	c.appendQueued(head, body)
	c.unlockAndFlush()
	return nil
}

// unlockAndFlush has the loop flush what was queued. It unlocks c.mu.
func (c *Conn) unlockAndFlush() {
	first := !c.hasQueued.Load()
	if first {
		c.hasQueued.Store(true)
	}
	c.mu.Unlock()
	if first {
		c.request(askFlush)
	}
}

// appendQueued adds a message to the queue. c.mu is held.
func (c *Conn) appendQueued(head, body []byte) {
	before := c.queued.counted()
	c.queued.add(&c.loop.r.pool, c.handler, head, body)
	c.grow(before, c.queued.counted())
}

// grow counts the memory of the queue, which was before bytes and is after bytes now,
// towards the reactor's total.
func (c *Conn) grow(before, after int) {
	if before != after {
		c.loop.r.total.Add(int64(after - before))
	}
}

// SetDelayOutput has output wait in the conn, where Discard reaches it, while the
// transport has a backlog. The transport then gets a buffer of 64 KiB at a time, or a
// message if that is longer. On the loop only.
func (c *Conn) SetDelayOutput(on bool) {
	c.loop.mustBeHere("Conn.SetDelayOutput")
	if on {
		c.flags.set(delayOutput)
	} else {
		c.flags.unset(delayOutput)
	}
}

// Discard makes room for a message of n bytes, if it can. It takes out the oldest queued
// messages for which may returns true, a buffer of 64 KiB at a time, and returns how many
// they were. Each message is offered to may once: one that stays is not offered again. Of
// a message whose payload waits by reference, may gets the head alone.
// The handler must be a Framer. Any goroutine may call Discard; may is called with the
// conn's lock held.
func (c *Conn) Discard(n int, may func(message []byte) bool) (messages int) {
	f := framer(c.handler)
	if f == nil {
		return 0
	}
	defer c.admitWaiters()
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.queued.counted()
	over := int(c.loopBytes.Load()) + c.queued.size() + n - c.loop.r.cfg.MaxPending
	messages = c.queued.discard(&c.loop.r.pool, f, max(n, over), may)
	c.grow(before, c.queued.counted())
	return messages
}

// Pending is how many bytes were written or queued that the transport has not sent, as
// far as that is known off the loop. After the end it is the bytes of Unsent.
func (c *Conn) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.loopBytes.Load()) + c.queued.size()
}
