package engine

// Messages whose payload is shared, on their way from any goroutine to the transport.

// sharedWriter is a transport that can send shared payloads from where they lie. Others
// get a copy.
type sharedWriter interface {
	// writeShared is Transport.Write for p, whose payload is shared.
	writeShared(p piece) error
	// sharedBytes is how many bytes of shared payloads the transport has not sent.
	sharedBytes() int
}

// QueueShared is QueueParts for head and the payload s, which is not copied where that is
// dearer: a payload of 4 KiB or more waits by reference and is sent from where it lies, if
// the head has 8 bytes at most, the conn is of the reactor that made s, and its transport
// is a socket without a Wrapper. The payload's bytes count for this conn, in Pending and
// towards Config.MaxPending, as if they were copied; towards Config.MaxTotalPending they
// count once for all conns.
//
// ErrReleased means that s was released before.
func (c *Conn) QueueShared(head []byte, s *Shared) error {
	if c.loop == nil { // never brought to a reactor
		return ErrClosed
	}
	if s == nil {
		return errNilShared
	}
	if !s.retain() {
		return ErrReleased
	}
	if !MayShare(s.size) || len(head) > maxSharedHead || s.r != c.loop.r {
		err := c.QueueParts(head, s.b.B)
		s.release()
		return err
	}
	c.mu.Lock()
	err := c.loop.r.checkRoom(int(c.loopBytes.Load())+c.queued.size(), len(head)+s.size)
	if c.shut {
		err = ErrClosed
	}
	if err != nil {
		c.mu.Unlock()
		s.release()
		return err
	}
	f := framer(c.handler)
	before := c.queued.counted()
	c.queued.addShared(&c.loop.r.pool, f, sharedPiece(f, head, s))
	c.grow(before, c.queued.counted())
	c.unlockAndFlush()
	return nil
}

// writePiece is write for a piece of a queue.
func (c *Conn) writePiece(p piece) bool {
	if p.shared == nil {
		return c.write(p.b)
	}
	w, ok := c.tr.(sharedWriter)
	if !ok {
		return c.write(p.buffer(&c.loop.r.pool))
	}
	if c.loop.tap != nil {
		c.tellSent(p)
	}
	return c.wrote(w.writeShared(p), p.size())
}

// tellSent tells the tap of p. p is a copy here, so that only with a tap it is on the heap.
//
//go:noinline
func (c *Conn) tellSent(p piece) {
	head, body := p.rest(0)
	c.loop.tap.Sent(c, head)
	c.loop.tap.Sent(c, body)
}
