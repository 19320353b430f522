package engine

// A queue of output in pooled buffers, which knows where its messages begin. Long payloads
// that many conns share are in it by reference.

import (
	"slices"

	"github.com/packetmq/packetmq/internal/bufpool"
)

const (
	// chunk is how many bytes of a queue share a buffer: few enough for the
	// pools to keep it, and to never copy much when one grows.
	chunk = bufpool.Large

	firstChunk = 4 << 10 // most queues are short
)

// Framer is a Handler whose output is messages. The engine counts by it what the
// end of a conn swallowed, and Discard takes whole messages out by it.
type Framer interface {
	// Message returns the length of the message that b begins with, in bytes.
	// It is called on any goroutine, under the conn's lock.
	Message(b []byte) int
}

// framer is h as a Framer, nil if it is none.
func framer(h Handler) Framer {
	f, _ := h.(Framer)
	return f
}

// queue is output in order, in buffers. The zero value is empty, and all that a
// conn has while nothing is queued for it: two words. A buffer begins and ends
// between two messages.
type queue struct {
	full *chunks // nil: none
	last *Buffer // after them, the one that grows
}

// chunks are the pieces of a queue before the buffer that grows.
type chunks struct {
	list     []piece  // never empty
	n        int      // bytes in them
	memory   int      // the capacities of their own buffers
	shared   int      // bytes of shared payloads
	examined int      // of list, those in which discard has found nothing more,
	kept     int      // and how many bytes of the buffer that grows
	inline   [2]piece // where most lists have room
}

// size is how many bytes there are in all.
func (q *queue) size() (n int) {
	if q.full != nil {
		n = q.full.n
	}
	if q.last != nil {
		n += len(q.last.B)
	}
	return n
}

// memory is how many bytes of memory they take, without what is shared.
func (q *queue) memory() (n int) {
	if q.full != nil {
		n = q.full.memory
	}
	if q.last != nil {
		n += cap(q.last.B)
	}
	return n
}

// shared is how many of the bytes are in shared payloads. Their memory is not the queue's.
func (q *queue) shared() int {
	if q.full == nil {
		return 0
	}
	return q.full.shared
}

// empty reports whether nothing is in the queue.
func (q *queue) empty() bool { return q.full == nil && q.last == nil }

// counted is how much of that memory counts towards the reactor's total. A short first
// buffer does not, because most queues are gone with the next flush, and to change a
// shared counter for each of them costs too much.
func (q *queue) counted() int {
	if n := q.memory(); q.full != nil || n > firstChunk {
		return n
	}
	return 0
}

// messages is how many messages there are in all; 0 if f is nil.
func (q *queue) messages(f Framer) (n int) {
	if q.full != nil {
		for _, p := range q.full.list {
			n += p.messages
		}
	}
	if q.last != nil {
		n += messagesIn(f, q.last.B)
	}
	return n
}

// messagesIn counts the messages in b.
func messagesIn(f Framer, b []byte) (n int) {
	if f == nil {
		return 0
	}
	for len(b) > 0 {
		b = b[messageIn(f, b):]
		n++
	}
	return n
}

// messagesBeyond counts the messages in b that do not end within its first n bytes.
func messagesBeyond(f Framer, b []byte, n int) int {
	if f == nil {
		return 0
	}
	for len(b) > 0 {
		m := messageIn(f, b)
		if m > n {
			break
		}
		b, n = b[m:], n-m
	}
	return messagesIn(f, b)
}

// messageIn is the length of the message that b, which is not empty, begins with.
func messageIn(f Framer, b []byte) int {
	if n := f.Message(b); n > 0 && n <= len(b) {
		return n
	}
	return len(b)
}

// insert puts p among the pieces, at the front or after them.
func (q *queue) insert(pool *Pool, p piece, front bool) {
	if q.full == nil {
		q.full = pool.getChunks()
	}
	c := q.full
	at := len(c.list)
	if front {
		at, c.examined = 0, 0
	} else {
		c.kept = 0
	}
	c.list = slices.Insert(c.list, at, p)
	c.count(&p, 1)
}

// count counts p in, or out if sign is -1.
func (c *chunks) count(p *piece, sign int) {
	c.n += sign * p.size()
	if p.shared != nil {
		c.shared += sign * p.shared.size
	} else {
		c.memory += sign * cap(p.b.B)
	}
}

// endLast puts the buffer that grows among the pieces, if there is one.
func (q *queue) endLast(p *Pool, f Framer) {
	if q.last != nil {
		q.insert(p, bufferPiece(f, q.last), false)
		q.last = nil
	}
}

// add copies the message that head and body are to the end, into one buffer.
func (q *queue) add(p *Pool, h Handler, head, body []byte) {
	n := len(head) + len(body)
	switch {
	case q.empty():
		q.last = p.Get()
	case q.last == nil: // after a shared payload
		q.last = bufferFor(p, n, true)
	case len(q.last.B)+n > q.room():
		q.endLast(p, framer(h))
		q.last = bufferFor(p, n, false)
	}
	q.last.B = append(append(q.last.B, head...), body...)
}

// addShared puts a message to the end whose payload is shared. It takes p over.
func (q *queue) addShared(pool *Pool, f Framer, p piece) {
	q.endLast(pool, f)
	q.insert(pool, p, false)
}

// room is how much the growing buffer may hold.
func (q *queue) room() int {
	if q.full == nil {
		return max(firstChunk, cap(q.last.B))
	}
	return chunk
}

// copyIn copies messages to the end, in buffers that are as large as they need to be: one
// that output was written to may be much larger, and is wanted for more.
func (q *queue) copyIn(p *Pool, f Framer, b []byte) {
	for len(b) > 0 {
		n := fitting(f, b, chunk)
		if last := q.last; last == nil || len(last.B)+n > max(cap(last.B), chunk) {
			q.endLast(p, f)
			q.last = bufferFor(p, n, last == nil)
		}
		q.last.B = append(roomFor(q.last.B, n), b[:n]...)
		b = b[n:]
	}
}

// fitting is the length of as many messages at the front of b as most bytes hold, and of
// one at least.
func fitting(f Framer, b []byte, most int) int {
	if len(b) <= most {
		return len(b)
	}
	if f == nil {
		return most
	}
	n := messageIn(f, b)
	for n < len(b) {
		m := messageIn(f, b[n:])
		if n+m > most {
			break
		}
		n += m
	}
	return n
}

// bufferFor is a buffer that has room for n bytes, and not for many more if it is
// small: most queues do not grow.
func bufferFor(p *Pool, n int, small bool) *Buffer {
	get, most := p.Get, max(n, firstChunk)
	if !small && n <= chunk {
		get, most = p.getLarge, chunk
	}
	b := get()
	if cap(b.B) < n || cap(b.B) > 2*most {
		b.B = make([]byte, 0, most)
	}
	return b
}

// roomFor grows b, of a chunk at most, for n bytes more: to twice its capacity, so
// that what is copied stays in proportion.
func roomFor(b []byte, n int) []byte {
	if len(b)+n <= cap(b) {
		return b
	}
	return append(make([]byte, 0, min(max(len(b)+n, 2*cap(b)), chunk)), b...)
}

// prepend takes b over, in front.
func (q *queue) prepend(p *Pool, f Framer, b *Buffer) {
	if q.empty() {
		q.last = b
		return
	}
	q.insert(p, bufferPiece(f, b), true)
}

// rest is what is left of the first piece when n bytes of it have gone, in two parts, of
// which only the second may be all of it. The queue is not empty.
func (q *queue) rest(n int) (head, rest []byte) {
	if q.full != nil {
		return q.full.list[0].rest(n)
	}
	return nil, q.last.B[n:]
}

// firstBuffer is the first piece if it is a buffer, else nil.
func (q *queue) firstBuffer() *Buffer {
	if q.full != nil {
		return q.full.list[0].b
	}
	return q.last
}

// take takes the first piece out. ok is false if there is none.
func (q *queue) take(pool *Pool) (p piece, ok bool) {
	c := q.full
	if c == nil {
		p.b, q.last = q.last, nil
		return p, p.b != nil
	}
	p = c.list[0]
	c.count(&p, -1)
	c.list[0] = piece{}
	c.list = c.list[1:]
	c.examined = max(c.examined-1, 0)
	if len(c.list) == 0 {
		q.full = nil
		pool.putChunks(c)
	}
	return p, true
}

// clear gives every piece back.
func (q *queue) clear(pool *Pool) {
	for p, ok := q.take(pool); ok; p, ok = q.take(pool) {
		p.drop(pool)
	}
}

// discard takes out the oldest messages that may go, all of a piece at a time,
// until n bytes are free, and returns how many they were. Messages that were found to
// stay are not looked at again, so a call costs as much as what came since the last one.
// A queue of one buffer is always looked at whole. Of a message whose payload is shared
// only the head is looked at.
func (q *queue) discard(p *Pool, f Framer, n int, may func(message []byte) bool) (messages int) {
	for q.full != nil && n > 0 && q.full.examined < len(q.full.list) {
		size := q.full.n
		messages += q.full.removeFromNext(p, f, may)
		n -= size - q.full.n
		if len(q.full.list) == 0 {
			p.putChunks(q.full)
			q.full = nil
		}
	}
	if q.last == nil || n <= 0 {
		return messages
	}
	kept := 0
	if q.full != nil {
		kept = q.full.kept
	}
	gone := removeFrom(f, q.last, kept, may)
	if q.full != nil {
		q.full.kept = len(q.last.B)
	}
	return messages + gone
}

// removeFromNext takes the messages that may go out of the first piece that was not examined,
// and what stays into the one before it if there is room.
func (c *chunks) removeFromNext(p *Pool, f Framer, may func(message []byte) bool) (gone int) {
	at := &c.list[c.examined]
	c.count(at, -1)
	stays := false
	if at.shared != nil {
		if stays = !may(at.headBytes()); !stays {
			gone = 1
		}
	} else {
		gone = removeFrom(f, at.b, 0, may)
		at.messages -= gone
		stays = len(at.b.B) > 0 && !c.join(at)
	}
	if stays {
		c.count(at, 1)
		c.examined++
		return gone
	}
	at.drop(p)
	c.list = slices.Delete(c.list, c.examined, c.examined+1)
	return gone
}

// join copies the buffer of p to the end of the one before it, if that is one and has room.
func (c *chunks) join(p *piece) bool {
	if c.examined == 0 {
		return false
	}
	before := &c.list[c.examined-1]
	if before.shared != nil || len(before.b.B)+len(p.b.B) > cap(before.b.B) {
		return false
	}
	before.b.B = append(before.b.B, p.b.B...)
	before.messages += p.messages
	c.n += len(p.b.B)
	return true
}

// removeFrom takes the messages that may go out of b from the byte from on, and returns
// how many they were.
func removeFrom(f Framer, b *Buffer, from int, may func(message []byte) bool) (gone int) {
	kept := b.B[:from]
	for rest := b.B[from:]; len(rest) > 0; {
		n := messageIn(f, rest)
		if may(rest[:n]) {
			gone++
		} else {
			kept = append(kept, rest[:n]...)
		}
		rest = rest[n:]
	}
	b.B = kept
	return gone
}
