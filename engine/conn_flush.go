package engine

// How output leaves: from the write buffer and the queue of a conn to its transport.

// unwritten is what writeAll has taken from a conn's queue and has not given to the
// transport yet. It is on the loop, not in a variable, because Transport.Write may end
// the conn, which counts and drops it, or call Goexit, after which the next turn drops
// it. It is empty but during writeAll.
type unwritten struct{ queue }

// flush gives the transport what was written and queued.
func (c *Conn) flush() {
	c.flags.unset(inDirty)
	if c.state == open && !c.flags.has(delayOutput) && !c.hasQueued.Load() { // as for most answers
		if b := c.out; b != nil {
			c.out = nil
			c.write(b)
		}
		return
	}
	switch {
	case c.state == closed:
	case c.flags.has(delayOutput) && c.state == open:
		c.flushDelayed()
	case c.writeAll() && c.state == finishing:
		if n := c.tr.Buffered(); n == 0 {
			c.halfClose()
		} else {
			c.noticeBacklog(n)
		}
	}
}

// noticeBacklog has the conn looked at until the n bytes have gone that its transport has, where
// they are not of the conn's own writes: a transport that lies over another one writes to that by
// itself.
func (c *Conn) noticeBacklog(n int) {
	if !c.flags.has(inLookout) {
		c.afterWrite(n, 0)
	}
}

// flushIfLong flushes after a share of input if the answers are long: the pool does not
// keep buffers that grow much larger.
func (c *Conn) flushIfLong() {
	if c.out != nil && len(c.out.B) >= flushFrom {
		c.flush()
	}
}

// writeAll gives the transport the write buffer and then the queue, in one buffer if that
// is no more than a chunk. It reports whether the conn is alive.
func (c *Conn) writeAll() bool {
	b, rest := c.out, &c.loop.unwritten
	rest.queue = c.takeQueued()
	c.countTaken(&rest.queue)
	if b != nil && len(b.B)+rest.size() <= chunk && rest.shared() == 0 {
		c.appendOut(&rest.queue)
	}
	c.out = nil
	if b == nil && rest.full == nil { // most queues are one buffer
		b, rest.last = rest.last, nil
	}
	alive := true
	c.flags.set(flushing)
	if b != nil {
		alive = c.write(b)
	}
	for alive && !rest.empty() {
		p, _ := rest.take(&c.loop.r.pool)
		alive = c.writePiece(p)
	}
	c.flags.unset(flushing)
	return alive
}

// flushDelayed is flush with the flag delayOutput.
func (c *Conn) flushDelayed() {
	defer c.admitWaiters()
	if n := c.tr.Buffered(); n > 0 {
		c.moveOutToQueue()
		c.noticeBacklog(n)
		return
	}
	if b := c.out; b != nil {
		c.out = nil
		c.write(b)
	}
	for c.state == open && c.tr.Buffered() == 0 {
		p, ok := c.takeQueuedPiece()
		if !ok {
			return
		}
		c.countPiece(&p)
		c.writePiece(p)
	}
}

// takeQueuedPiece takes the first piece out of the queue. ok is false if there is none.
func (c *Conn) takeQueuedPiece() (p piece, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.queued.counted()
	p, ok = c.queued.take(&c.loop.r.pool)
	c.grow(before, c.queued.counted())
	c.hasQueued.Store(!c.queued.empty())
	return p, ok
}

// write gives b to the transport. It reports whether the conn is alive.
func (c *Conn) write(b *Buffer) bool {
	written := len(b.B)
	if written == 0 {
		c.loop.buffers.Put(b)
		return true
	}
	if c.loop.tap != nil {
		c.loop.tap.Sent(c, b.B)
	}
	return c.wrote(c.tr.Write(b), written)
}

// wrote notes that the transport was given n bytes, and what it said. It reports whether
// the conn is alive.
func (c *Conn) wrote(err error, written int) bool {
	if err != nil && c.state != closed {
		// A transport reports its end to the Sink. It cannot do that again for an end
		// that it has reported already.
		c.transportFailed(err)
	}
	if c.state == closed {
		return false
	}
	if n := c.tr.Buffered(); n|c.backlog != 0 || c.flags.has(toldAbove) || c.loopBytes.Load() != 0 {
		c.afterWrite(n, written)
	}
	return c.state != closed
}

// takeQueued takes the whole queue out. Its bytes count as the loop's from now on.
func (c *Conn) takeQueued() (q queue) {
	c.mu.Lock()
	q, c.queued = c.queued, queue{}
	c.hasQueued.Store(false)
	c.grow(q.counted(), 0)
	c.loopBytes.Add(int64(q.size()))
	c.mu.Unlock()
	return q
}

// mergeQueued appends the queue to the write buffer, so that the callback can write after
// it. A long queue, and one with shared payloads, is flushed instead.
func (c *Conn) mergeQueued() {
	if c.state == open && !c.flags.has(flushing) && !c.flags.has(delayOutput) && c.isQueueLong() {
		c.flush()
		return
	}
	q := c.takeQueued()
	c.countTaken(&q)
	if c.out == nil {
		p, _ := q.take(&c.loop.r.pool)
		c.out = p.buffer(&c.loop.r.pool)
	}
	c.appendOut(&q)
}

// isQueueLong reports whether the queue is better flushed than copied.
func (c *Conn) isQueueLong() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued.size() > flushFrom || c.queued.shared() > 0
}

// appendOut appends q to the write buffer.
func (c *Conn) appendOut(q *queue) {
	pool := &c.loop.r.pool
	for p, ok := q.take(pool); ok; p, ok = q.take(pool) {
		head, rest := p.rest(0)
		c.out.B = append(append(c.out.B, head...), rest...)
		if p.shared != nil {
			p.drop(pool)
		} else {
			c.loop.buffers.Put(p.b)
		}
	}
}

// moveOutToQueue moves the write buffer to the front of the queue, where Discard reaches
// it and Queue counts it.
func (c *Conn) moveOutToQueue() {
	out := c.out
	if out == nil {
		return
	}
	c.out = nil
	if len(out.B) == 0 {
		c.loop.buffers.Put(out)
		return
	}
	c.countBack(out.B)
	c.mu.Lock()
	before := c.queued.counted()
	c.queued.prepend(&c.loop.r.pool, framer(c.handler), out)
	c.hasQueued.Store(true)
	c.grow(before, c.queued.counted())
	c.mu.Unlock()
	c.noteBacklog(c.tr.Buffered(), 0)
}
