package engine

// How output leaves: from the write buffer and the queue of a conn to its transport.

// unwritten is what writeAll has taken from a conn's queue and has not given to the
// transport yet. It is on the loop, not in a variable, because Transport.Write may end
// the conn, which counts and drops it, or call Goexit, after which the next turn drops
// it. It is empty but during writeAll.
type unwritten struct{ queue }

// flush hands what waits to the transport.
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
	case c.writeAll() && c.state == finishing && c.tr.Buffered() == 0:
		c.halfClose()
	}
}

// unload flushes behind a share of input when the answers are that many: a buffer
// that grows larger is none that the pool likes to keep.
func (c *Conn) flushIfLong() {
	if c.out != nil && len(c.out.B) >= unloadFrom {
		c.flush()
	}
}

// writeAll writes what was written and then what was queued, in one buffer if
// that is no more than a chunk. It reports whether the conn is alive.
func (c *Conn) writeAll() bool {
	b, rest := c.out, &c.loop.unwritten
	if rest.queue = c.takeQueued(); b != nil && len(b.B)+rest.size() <= chunk {
		c.appendOut(&rest.queue)
	}
	if c.out = nil; b == nil {
		b = rest.take()
	}
	alive := true
	for c.flags.set(flushing); alive && b != nil; b = rest.take() {
		alive = c.write(b)
	}
	c.flags.unset(flushing)
	return alive
}

// release is flush for output that is held back.
func (c *Conn) flushDelayed() {
	defer c.admitWaiters()
	if c.tr.Buffered() > 0 {
		c.moveOutToQueue()
		return
	}
	if b := c.out; b != nil {
		c.out = nil
		c.write(b)
	}
	for c.state == open && c.tr.Buffered() == 0 {
		b := c.takeQueuedBuffer()
		if b == nil {
			return
		}
		c.write(b)
	}
}

// takeOne takes the first buffer of what was queued, or returns nil.
func (c *Conn) takeQueuedBuffer() (b *Buffer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.queued.counted()
	b = c.queued.take()
	c.grow(before, c.queued.counted())
	c.hasQueued.Store(c.queued.last != nil)
	return b
}

// write hands b to the transport; it reports whether the conn is alive.
func (c *Conn) write(b *Buffer) bool {
	written := len(b.B)
	if written == 0 {
		c.loop.buffers.Put(b)
		return true
	}
	if err := c.tr.Write(b); err != nil && c.state != closed {
		// The transport reports its end itself where it can; what it cannot
		// report is an end that it was in before.
		c.remove(err)
	}
	if c.state == closed {
		return false
	}
	if n := c.tr.Buffered(); n|c.backlog != 0 || c.flags.has(toldAbove) || c.loopBytes.Load() != 0 {
		c.afterWrite(n, written)
	}
	return c.state != closed
}

// taken is what was queued; the caller moves it on.
func (c *Conn) takeQueued() (q queue) {
	c.mu.Lock()
	q, c.queued = c.queued, queue{}
	c.hasQueued.Store(false)
	c.grow(q.counted(), 0)
	c.loopBytes.Add(int64(q.size()))
	c.mu.Unlock()
	return q
}

// merge moves what was queued behind what was written: into one buffer if it is no
// more than a share of output, else it is written.
func (c *Conn) mergeQueued() {
	if c.state == open && !c.flags.has(flushing) && !c.flags.has(delayOutput) && c.queuedBytes() > unloadFrom {
		c.flush()
		return
	}
	q := c.takeQueued()
	if c.out == nil {
		c.out = q.take()
	}
	c.appendOut(&q)
}

// append puts q behind what was written.
func (c *Conn) appendOut(q *queue) {
	for b := q.take(); b != nil; b = q.take() {
		c.out.B = append(c.out.B, b.B...)
		c.loop.buffers.Put(b)
	}
}

// retreat takes merge back: what was written and is held back waits in front of
// what was queued, where Discard reaches it and Queue counts it.
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
	c.mu.Lock()
	before := c.queued.counted()
	c.queued.prepend(framer(c.handler), out)
	c.hasQueued.Store(true)
	c.grow(before, c.queued.counted())
	c.mu.Unlock()
	c.noteBacklog(c.tr.Buffered(), 0)
}
