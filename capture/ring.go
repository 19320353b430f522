package capture

// ring: bytes on their way from one goroutine to another one, which neither waits for.

import (
	"math/bits"
	"sync/atomic"
)

// ring is a queue of whole records in a fixed number of bytes. One goroutine pushes, and one
// other pops.
type ring struct {
	buf  []byte // its length is a power of two
	mask uint64

	// The goroutine that pushes.
	head uint64 // bytes pushed so far
	seen uint64 // tail, as it was last read

	published atomic.Uint64 // head
	_         [56]byte      // so that the two goroutines do not take a cache line from each other
	tail      atomic.Uint64 // bytes popped so far
}

// newRing makes a ring of at least n bytes.
func newRing(n int) *ring {
	size := uint64(1) << bits.Len64(uint64(max(n, 1)-1))
	return &ring{buf: make([]byte, size), mask: size - 1}
}

// fits reports whether n bytes have room now.
func (r *ring) fits(n int) bool {
	if r.head-r.seen+uint64(n) <= uint64(len(r.buf)) {
		return true
	}
	r.seen = r.tail.Load()
	return r.head-r.seen+uint64(n) <= uint64(len(r.buf))
}

// push adds one record, in two parts, for which there is room.
func (r *ring) push(head, body []byte) {
	r.put(head)
	r.put(body)
	r.published.Store(r.head)
}

func (r *ring) put(b []byte) {
	n := copy(r.buf[r.head&r.mask:], b)
	copy(r.buf, b[n:])
	r.head += uint64(len(b))
}

// used is how many bytes wait, seen from the goroutine that pushes. It may be more than there are.
func (r *ring) used() uint64 { return r.head - r.seen }

// popInto appends what waits to dst, whole records, and at most limit bytes unless the first one is longer.
func (r *ring) popInto(dst []byte, limit int) []byte {
	tail, end := r.tail.Load(), r.published.Load()
	at := tail
	for at < end {
		n := uint64(4 + r.length(at))
		if at > tail && at+n-tail > uint64(limit) {
			break
		}
		at += n
	}
	for tail < at {
		from := tail & r.mask
		n := min(at-tail, uint64(len(r.buf))-from)
		dst = append(dst, r.buf[from:from+n]...)
		tail += n
	}
	r.tail.Store(at)
	return dst
}

// length is the length that is written at the position at.
func (r *ring) length(at uint64) (n uint32) {
	for i := range uint64(4) {
		n = n<<8 | uint32(r.buf[(at+i)&r.mask])
	}
	return n
}
