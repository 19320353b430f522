package engine

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

// queue is output in order, in buffers. The zero value is empty, and all that a
// conn has while nothing is queued for it: two words.
type queue struct {
	full *chunks // nil: none
	last *Buffer // behind them, the one that grows
}

// chunks are the buffers of a queue that do not grow any more.
type chunks struct {
	list []*Buffer // never empty
	n    int       // bytes in them
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

// insert puts b among the full buffers, at the front or behind them.
func (q *queue) insert(b *Buffer, front bool) {
	if q.full == nil {
		q.full = new(chunks)
	}
	at := len(q.full.list)
	if front {
		at = 0
	}
	q.full.list = slices.Insert(q.full.list, at, b)
	q.full.n += len(b.B)
}

// add copies head and body to the end, into one buffer.
func (q *queue) add(p *Pool, head, body []byte) {
	n := len(head) + len(body)
	switch {
	case q.last == nil:
		q.last = p.Get()
	case len(q.last.B)+n > q.room():
		q.insert(q.last, false)
		q.last = p.GetLarge()
	}
	q.last.B = append(append(q.last.B, head...), body...)
}

// room is how much the growing buffer may hold.
func (q *queue) room() int {
	if q.full == nil {
		return max(firstChunk, cap(q.last.B))
	}
	return chunk
}

// prepend takes b over, in front.
func (q *queue) prepend(b *Buffer) {
	if q.last == nil {
		q.last = b
		return
	}
	q.insert(b, true)
}

// take takes the first buffer out, or returns nil.
func (q *queue) take() (b *Buffer) {
	full := q.full
	if full == nil {
		b, q.last = q.last, nil
		return b
	}
	b = full.list[0]
	full.list = full.list[1:]
	full.n -= len(b.B)
	if len(full.list) == 0 {
		q.full = nil
	}
	return b
}

// join makes it one buffer, which it returns, or nil.
func (q *queue) join(p *Pool) *Buffer {
	if q.full == nil {
		return q.last
	}
	all := *q
	*q = queue{last: all.take()}
	for b := all.take(); b != nil; b = all.take() {
		q.last.B = append(q.last.B, b.B...)
		p.Put(b)
	}
	return q.last
}

// clear gives every buffer back.
func (q *queue) clear(p *Pool) {
	for b := q.take(); b != nil; b = q.take() {
		p.Put(b)
	}
}
