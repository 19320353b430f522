package codec

// Spares: buffers of cut frames, kept for the next ones.

const (
	// leastSpare and mostSpare are the capacities that Spares keeps, in bytes: a
	// smaller buffer costs less than to look for one, and one burst of larger
	// frames must not hold memory for good.
	leastSpare = 4 << 10
	mostSpare  = 256 << 10

	keptSpares = 8
)

// Spares are the buffers that Readers have gathered frames in, for the next ones: a
// stream of long frames that all straddle makes no garbage then. Readers share them by
// their field Spares, if they are used by one goroutine at a time, all of them
// together. The zero value is ready; it keeps 8 buffers of 256 KiB at most.
type Spares struct {
	bodies [keptSpares][]byte
	oldest int // where the next one goes
}

// take returns a buffer for at least n bytes and at most four times as many, or nil.
func (s *Spares) take(n int) []byte {
	if s == nil || n < leastSpare {
		return nil
	}
	for i, b := range s.bodies {
		if c := cap(b); c >= n && c <= bodySize(n, mostSpare) {
			s.bodies[i] = nil
			return b
		}
	}
	return nil
}

// put takes b over.
func (s *Spares) put(b []byte) {
	if s == nil || cap(b) < leastSpare || cap(b) > mostSpare {
		return
	}
	s.bodies[s.oldest] = b
	s.oldest = (s.oldest + 1) % keptSpares
}
