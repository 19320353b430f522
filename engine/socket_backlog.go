package engine

// Output that a socket has not taken, kept by the conn and not by gnet.

// backlog is output that a socket has not taken, in order, and how far it has taken
// the first piece.
type backlog struct {
	queue
	off  int // bytes of the first piece that have gone
	lead int // where its first whole message begins: what is before it is the rest of one
}

// size is how many bytes wait.
func (b *backlog) size() int { return b.queue.size() - b.off }

// begin copies what is left of b, of which the first sent bytes have gone, into an empty
// backlog.
func (b *backlog) begin(p *Pool, f Framer, buf []byte, sent int) {
	lead := 0
	for lead < sent {
		if f == nil {
			lead = sent
			break
		}
		lead += messageIn(f, buf[lead:])
	}
	b.start(p, f, buf[sent:], lead-sent)
}

// start is begin where it is known how much of rest belongs to a message that has gone in
// part.
func (b *backlog) start(p *Pool, f Framer, rest []byte, lead int) {
	if b.off, b.lead = 0, lead; lead > 0 {
		b.last = bufferFor(p, lead, true)
		b.last.B = append(b.last.B, rest[:lead]...)
	}
	b.copyIn(p, f, rest[lead:])
}

// startShared begins an empty backlog with p, of which the first sent bytes have gone.
func (b *backlog) startShared(pool *Pool, p piece, sent int) {
	b.off, b.lead = sent, 0
	b.addShared(pool, nil, p)
}

// next is what is to go next, in two parts, of which the first may be empty.
func (b *backlog) next() (head, rest []byte) { return b.rest(b.off) }

// sent says that the first n bytes of next have gone, which left are all of.
func (b *backlog) sent(pool *Pool, n, left int) {
	if b.off += n; n == left {
		p, _ := b.take(pool)
		p.drop(pool)
		b.off, b.lead = 0, 0
	}
}

// messages is how many messages have not gone, or not all of them.
func (b *backlog) messages(f Framer) int {
	n := b.queue.messages(f)
	if n == 0 || b.off == 0 && b.lead == 0 {
		return n
	}
	firstBuffer := b.firstBuffer()
	if firstBuffer == nil { // a message whose payload is shared, which has gone in part
		return n
	}
	first := firstBuffer.B
	// The first buffer is counted anew: its lead is not the beginning of a message.
	n -= messagesIn(f, first)
	if b.off < b.lead {
		n++
	}
	at := b.lead
	for at < len(first) && at+messageIn(f, first[at:]) <= b.off {
		at += messageIn(f, first[at:])
	}
	return n + messagesIn(f, first[at:])
}

// clear gives every piece back.
func (b *backlog) clear(p *Pool) {
	b.queue.clear(p)
	b.off, b.lead = 0, 0
}
