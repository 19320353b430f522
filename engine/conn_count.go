package engine

// The messages that leave by way of a conn's queue, told to a handler that counts them.

// Counter is a Framer that counts its messages. Those that callbacks append to Out it can
// count there. Queue is called on any goroutine, so what was queued is told when the loop
// takes it to send it: then no counter needs a lock.
type Counter interface {
	Framer

	// Count is told messages of the queue that the loop has taken, one or more. Of a message
	// whose payload is shared, b ends with the head, though Message tells the whole length.
	// With back, they are messages of Out that have gone to the queue: they are told again
	// when they are taken. On the loop only.
	Count(b []byte, back bool)
}

// countTaken tells the handler of what was taken out of the queue.
func (c *Conn) countTaken(q *queue) {
	if q.empty() {
		return
	}
	k, ok := c.handler.(Counter)
	if !ok {
		return
	}
	if q.full != nil {
		for i := range q.full.list {
			k.Count(q.full.list[i].messageBytes(), false)
		}
	}
	if q.last != nil && len(q.last.B) > 0 {
		k.Count(q.last.B, false)
	}
}

// countPiece is countTaken for one piece.
func (c *Conn) countPiece(p *piece) {
	if k, ok := c.handler.(Counter); ok && p.size() > 0 {
		k.Count(p.messageBytes(), false)
	}
}

// countBack tells the handler that messages of Out have gone to the queue.
func (c *Conn) countBack(b []byte) {
	if k, ok := c.handler.(Counter); ok && len(b) > 0 {
		k.Count(b, true)
	}
}

// messageBytes are the messages of a piece, or the head of the one whose payload is shared.
func (p *piece) messageBytes() []byte {
	if p.shared != nil {
		return p.headBytes()
	}
	return p.b.B
}
