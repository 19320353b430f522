package engine

import "github.com/packetmq/packetmq/internal/bufpool"

const (
	// chunk is how many bytes of a queue share a buffer: few enough for the
	// pools to keep it, and to never copy much when one grows.
	chunk = bufpool.Large

	firstChunk = 4 << 10 // most queues are short
)

// queue is output in order, in buffers. The zero value is empty.
type queue struct {
	full []*Buffer
	last *Buffer // behind them, the one that grows
	n    int     // bytes in all
}

// add copies head and body to the end, into one buffer.
func (q *queue) add(p *Pool, head, body []byte) {
	n := len(head) + len(body)
	switch {
	case q.last == nil:
		q.last = p.Get()
	case len(q.last.B)+n > q.room():
		q.full = append(q.full, q.last)
		q.last = p.GetLarge()
	}
	q.last.B = append(append(q.last.B, head...), body...)
	q.n += n
}

// room is how much the growing buffer may hold.
func (q *queue) room() int {
	if len(q.full) == 0 {
		return max(firstChunk, cap(q.last.B))
	}
	return chunk
}

// prepend takes b over, in front.
func (q *queue) prepend(b *Buffer) {
	q.n += len(b.B)
	if q.last == nil {
		q.last = b
		return
	}
	q.full = append(q.full, nil)
	copy(q.full[1:], q.full)
	q.full[0] = b
}

// take takes the first buffer out, or returns nil.
func (q *queue) take() (b *Buffer) {
	if len(q.full) > 0 {
		b = q.full[0]
		q.full = q.full[1:]
	} else {
		b, q.last = q.last, nil
	}
	if b != nil {
		q.n -= len(b.B)
	}
	return b
}

// join makes it one buffer, which it returns, or nil.
func (q *queue) join(p *Pool) *Buffer {
	if len(q.full) == 0 {
		return q.last
	}
	all := *q
	*q = queue{last: all.take(), n: all.n}
	for b := all.take(); b != nil; b = all.take() {
		q.last.B = append(q.last.B, b.B...)
		p.Put(b)
	}
	q.n = len(q.last.B)
	return q.last
}

// clear gives every buffer back.
func (q *queue) clear(p *Pool) {
	for b := q.take(); b != nil; b = q.take() {
		p.Put(b)
	}
}
