package bufpool

import "sync"

// Scratch hands out buffers that are back when the function that took them returns: what
// encodes a message, to have it copied. They are pooled apart from those of a Pool, which
// learns from what comes back how long buffers should be and keeps none that is much longer.
// Single messages are short, and would have it give the long buffers of queues away.
//
// The zero value is ready. Any goroutine may use it.
type Scratch struct {
	ledger ledger // empty except in the debug build; at the start an empty field takes no space
	pool   sync.Pool
}

// Get returns an empty buffer, the caller's until Put.
func (s *Scratch) Get() *Buffer {
	if debugBuild {
		return s.ledger.get()
	}
	if b, ok := s.pool.Get().(*Buffer); ok {
		return b
	}
	return new(Buffer)
}

// Put takes b back. The caller may use neither b nor a slice of it any more.
func (s *Scratch) Put(b *Buffer) {
	if debugBuild {
		s.ledger.put(b)
		return
	}
	if cap(b.B) <= MaxKept {
		b.B = b.B[:0]
		s.pool.Put(b)
	}
}
