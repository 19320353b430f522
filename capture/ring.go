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
	head     uint64 // bytes pushed so far
	seen     uint64 // tail, as it was last read
	nextWake uint64 // head from which on the other goroutine is to be told

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

// wants reports whether the other goroutine is to be told that there is something, once for each
// eighth of the ring that was pushed. Telling it costs as much as hundreds of records.
func (r *ring) wants() bool {
	if r.head < r.nextWake {
		return false
	}
	r.nextWake = r.head + uint64(len(r.buf))/8
	return true
}

// front returns what waits longest: whole records, at most limit bytes of them unless the first one
// is longer. They lie in the ring, where the caller may change them, or in spare if they go over its end. They
// are the caller's until release.
func (r *ring) front(spare []byte, limit int) (records, newSpare []byte) {
	tail, end := r.tail.Load(), r.published.Load()
	if tail == end {
		return nil, spare
	}
	from := tail & r.mask
	straight := tail + uint64(len(r.buf)) - from // where the ring's memory ends
	at := tail
	for at < end {
		n := uint64(4) + uint64(r.length(at))
		if at > tail && at+n-tail > uint64(limit) {
			break
		}
		if at+n > straight {
			if at == tail {
				spare = append(append(spare[:0], r.buf[from:]...), r.buf[:at+n-straight]...)
				return spare, spare
			}
			break
		}
		at += n
	}
	return r.buf[from : from+at-tail], spare
}

// release gives n bytes of front back.
func (r *ring) release(n int) { r.tail.Store(r.tail.Load() + uint64(n)) }

// length is the length that is written at the position at.
func (r *ring) length(at uint64) (n uint32) {
	for i := range uint64(4) {
		n = n<<8 | uint32(r.buf[(at+i)&r.mask])
	}
	return n
}
