package engine

// How much output of a conn has not left, while it lives and after its end.

// Unsent is output that was accepted and has not left for the transport's other side.
type Unsent struct {
	// Messages are those that have not left, or not all of them. They are counted only
	// if the handler is a Framer, and not in a Wrapper's transport.
	Messages int
	Bytes    int
}

func (u *Unsent) add(v Unsent) {
	u.Messages += v.Messages
	u.Bytes += v.Bytes
}

// Unsent is what was accepted and never got to the socket, because the conn ended. What
// did get there may not have arrived either. It is known from when Closed is called; any
// goroutine may call it.
func (c *Conn) Unsent() Unsent {
	s := c.slow.Load()
	if s == nil {
		return Unsent{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.lost
}

// Waiting is what was accepted and has not left so far. On the loop only.
func (c *Conn) Waiting() (u Unsent) {
	c.loop.mustBeHere("Conn.Waiting")
	if c.state == unopened || c.state == closed {
		return c.Unsent()
	}
	f := framer(c.handler)
	u.Bytes = c.unflushed()
	if s, ok := c.tr.(*stream); ok { // it may drop its output at any time
		u.add(s.unsent())
	} else {
		u.Bytes += c.tr.Buffered()
		if k, ok := c.tr.(Keeper); ok {
			u.Messages = k.Messages(f)
		}
	}
	if c.out != nil {
		u.Messages += messagesIn(f, c.out.B)
	}
	if c.flags.has(flushing) {
		u.Bytes += c.loop.unwritten.size()
		u.Messages += c.loop.unwritten.messages(f)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	u.Messages += c.queued.messages(f)
	return u
}

// noteUnsent notes what cannot leave any more.
func (c *Conn) noteUnsent(u Unsent) {
	if u.Bytes == 0 {
		return
	}
	s := c.needSlow()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.lost.add(u)
	if c.state == closed {
		c.loopBytes.Store(int64(s.lost.Bytes))
	}
}

// dropOutput takes b over and drops it, because the socket is gone.
func (c *Conn) dropOutput(f Framer, b *Buffer) {
	c.noteUnsent(Unsent{messagesIn(f, b.B), len(b.B)})
	c.loop.buffers.Put(b)
}

// dropPiece is dropOutput for a piece of a queue.
func (c *Conn) dropPiece(p piece) {
	c.noteUnsent(Unsent{p.messages, p.size()})
	p.drop(&c.loop.r.pool)
}

// pendingNow is Pending, but exact. On the loop only.
func (c *Conn) pendingNow() int { return c.tr.Buffered() + c.unflushed() }

// unflushed is how many bytes the transport was not given so far.
func (c *Conn) unflushed() (n int) {
	if c.out != nil {
		n = len(c.out.B)
	}
	if c.hasQueued.Load() {
		c.mu.Lock()
		n += c.queued.size()
		c.mu.Unlock()
	}
	return n
}
