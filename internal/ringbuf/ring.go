package ringbuf

// The ring: a slice whose length is a power of two, and the rule by which it
// shrinks.

import "math/bits"

const (
	minCap = 8
	// maxKeep is the largest peak, in elements, that an empty ring stays prepared
	// for. With the factor of two in shrink it keeps at most 2*maxKeep slots. Larger,
	// and idle rings cost more memory; smaller, and more bursts have to grow the ring
	// again.
	maxKeep = 1 << 10
)

// Ring is a first-in first-out queue. The zero value is ready. It must not be
// copied once used.
//
// It is not safe for concurrent use: its owner needs a lock.
type Ring[T any] struct {
	buf  []T // length is 0 or a power of two
	head int // index of the front
	n    int // elements in the ring

	popped int // elements popped since the last shrink
	peak   int // most elements at once since the last shrink
	busy   int // most elements at once since the ring was last empty, as of the last shrink
	prev   int // what busy was when the ring last ran empty
}

// Len is the number of elements in the ring.
func (r *Ring[T]) Len() int { return r.n }

// Push appends v at the back.
func (r *Ring[T]) Push(v T) {
	if r.n == len(r.buf) {
		r.resize(max(minCap, 2*len(r.buf)))
	}
	r.buf[(r.head+r.n)&(len(r.buf)-1)] = v
	r.n++
	if r.n > r.peak {
		r.peak = r.n
	}
}

// Pop takes the front. It reports false if the ring is empty.
func (r *Ring[T]) Pop() (v T, ok bool) {
	if r.n == 0 {
		return v, false
	}
	var zero T
	slot := &r.buf[r.head]
	v, *slot = *slot, zero
	r.advance(1)
	return v, true
}

// PopInto moves up to len(dst) elements from the front to dst and returns how
// many, so that an owner can drain the ring in batches under one lock. Elements of
// dst beyond those stay as they are.
func (r *Ring[T]) PopInto(dst []T) int {
	k := min(len(dst), r.n)
	if k == 0 {
		return 0
	}
	front, back := r.halves(k)
	copy(dst[copy(dst, front):], back)
	clear(front)
	clear(back)
	r.advance(k)
	return k
}

// Peek returns the front and leaves it there. It reports false if the ring is
// empty.
func (r *Ring[T]) Peek() (v T, ok bool) {
	if r.n == 0 {
		return v, false
	}
	return r.buf[r.head], true
}

// At returns the i-th element from the front, which is element 0. It panics
// like a slice of Len elements when i is out of range.
func (r *Ring[T]) At(i int) T {
	_ = r.buf[:r.n][i]
	return r.buf[(r.head+i)&(len(r.buf)-1)]
}

// Clear drops all elements and the memory.
func (r *Ring[T]) Clear() { *r = Ring[T]{} }

// halves returns the first k elements in order, in place: those up to the end
// of buf, and those that wrapped.
func (r *Ring[T]) halves(k int) (front, back []T) {
	end := r.head + k
	if end <= len(r.buf) {
		return r.buf[r.head:end], nil
	}
	return r.buf[r.head:], r.buf[:end-len(r.buf)]
}

// advance moves the front past k elements whose slots are already zero.
func (r *Ring[T]) advance(k int) {
	r.head = (r.head + k) & (len(r.buf) - 1)
	r.n -= k
	r.popped += k
	if r.n == 0 || r.popped >= len(r.buf) {
		r.shrink()
	}
}

// shrink makes a ring smaller that is much larger than its load needs. It judges
// the load by a whole round through the ring, or by two bursts. If it judged by the
// moment, a ring that is filled and drained in turn would reallocate each time.
func (r *Ring[T]) shrink() {
	r.busy = max(r.busy, r.peak)
	need := r.peak
	if r.n == 0 {
		need = min(r.busy, r.prev, maxKeep)
		r.busy, r.prev = 0, r.busy
	}
	r.peak, r.popped = r.n, 0
	if len(r.buf) > minCap && need <= len(r.buf)/4 {
		r.resize(max(minCap, ceilPow2(2*need)))
	}
}

func ceilPow2(n int) int {
	if n < 2 {
		return 1
	}
	return 1 << bits.Len(uint(n-1))
}

// resize moves the elements to the start of a new buffer with size slots, which
// must be enough for them.
func (r *Ring[T]) resize(size int) {
	buf := make([]T, size)
	front, back := r.halves(r.n)
	copy(buf[copy(buf, front):], back)
	r.buf, r.head = buf, 0
}
