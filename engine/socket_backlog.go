package engine

// Output that a socket has not taken, kept by the conn and not by gnet.

// backlog is output that a socket has not taken, in order, and how far it has taken
// the first buffer.
type backlog struct {
	queue
	off  int // bytes of the first buffer that have gone
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

// next is what is to go next.
func (b *backlog) next() []byte { return b.first().B[b.off:] }

// sent says that the first n bytes of next have gone.
func (b *backlog) sent(p *Pool, n int) {
	if b.off += n; b.off == len(b.first().B) {
		p.Put(b.take())
		b.off, b.lead = 0, 0
	}
}

// messages is how many messages have not gone, or not all of them.
func (b *backlog) messages(f Framer) int {
	n := b.queue.messages(f)
	if n == 0 || b.off == 0 && b.lead == 0 {
		return n
	}
	first := b.first().B
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

// clear gives every buffer back.
func (b *backlog) clear(p *Pool) {
	b.queue.clear(p)
	b.off, b.lead = 0, 0
}
