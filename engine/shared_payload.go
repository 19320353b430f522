package engine

// A payload that waits for many conns and exists once, however many they are.

import "sync/atomic"

const (
	// sharedFrom is from how many bytes on a Shared waits by reference. Smaller, and a
	// message that needs two pieces of memory costs more than the copy that it saves.
	// Larger, and more is copied. They cost the same at 2 KiB (decision 34).
	sharedFrom = 4 << 10

	// maxSharedHead is how long the head of a message may be, in bytes, whose payload
	// waits by reference: a length, an id and some more. It is kept in the queue's own
	// list, which is as much larger for all.
	maxSharedHead = 8
)

// MayShare reports whether a payload of n bytes is long enough for Conn.QueueShared not
// to copy it.
func MayShare(n int) bool { return n >= sharedFrom }

// Shared is a payload that conns send by reference. Reactor.Share makes one. It counts
// the conns in whose output it waits, and the memory goes back to the reactor's pool when
// none is left and Release was called. The debug build overwrites it then.
//
// Any goroutine may use it. Once it is released it is refused with ErrReleased, so that
// nobody sends memory that belongs to somebody else by then.
type Shared struct {
	// Set once. Of b only who is counted in may look at the bytes.
	r      *Reactor
	b      *Buffer
	size   int // of the payload, in bytes
	memory int // that it takes, as far as it counts towards the reactor's total

	state atomic.Int64 // how many queues have it, and released
}

// released is the bit of Shared.state that Release sets.
const released = 1 << 62

// Share takes over b, a buffer of the reactor's pool with a payload in it, for conns to
// share. Release gives it back.
// A payload that is short, and always copied, counts towards no total.
func (r *Reactor) Share(b *Buffer) *Shared {
	s := &Shared{r: r, b: b, size: len(b.B)}
	if MayShare(s.size) {
		s.memory = cap(b.B)
	}
	return s
}

// Len is the length of the payload in bytes.
func (s *Shared) Len() int { return s.size }

// AppendTo appends the payload to b, or returns ErrReleased.
func (s *Shared) AppendTo(b []byte) ([]byte, error) {
	if !s.retain() {
		return b, ErrReleased
	}
	defer s.release()
	return append(b, s.b.B...), nil
}

// Release says that the caller sends s on no further conn. Where it waits already it is
// still sent. Release may be called more than once.
func (s *Shared) Release() {
	if s.state.Or(released) == 0 {
		s.free()
	}
}

// retain counts a queue in. It returns false if s was released.
func (s *Shared) retain() bool {
	for {
		n := s.state.Load()
		if n&released != 0 {
			return false
		}
		if s.state.CompareAndSwap(n, n+1) {
			if n == 0 {
				s.count(1)
			}
			return true
		}
	}
}

// release counts a queue out.
func (s *Shared) release() {
	n := s.state.Add(-1)
	if n&^released == 0 {
		s.count(-1)
	}
	if n == released {
		s.free()
	}
}

// count counts the memory towards the reactor's total, once for all queues, and not
// while s waits in none: then it is the program's own.
func (s *Shared) count(sign int) {
	if s.memory > 0 {
		s.r.total.Add(int64(sign * s.memory))
	}
}

func (s *Shared) free() { s.r.pool.Put(s.b) }
