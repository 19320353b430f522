package bufpool

import "testing"

func TestScratchIsEmptyWhenItIsGivenOut(t *testing.T) {
	var s Scratch
	for range 3 {
		b := s.Get()
		if len(b.B) != 0 {
			t.Errorf("it has %d bytes", len(b.B))
		}
		b.B = append(b.B, "message"...)
		s.Put(b)
	}
}

func TestScratchKeepsNoLargeBuffer(t *testing.T) {
	var s Scratch
	b := s.Get()
	b.B = make([]byte, MaxKept+1)
	s.Put(b)
	if n := cap(s.Get().B); n > MaxKept {
		t.Errorf("a buffer of %d bytes was kept", n)
	}
}
