package peer

// PeerSlot: a place on every peer for a value of one package.

// PeerSlot is a place on every peer for a T: what a package keeps for all conns of the peer,
// such as its settings and its counters. Slot is the same for one conn.
//
// A PeerSlot is known by its pointer, and has no state of its own, so a package may keep one
// in a variable. Its methods may be called from any goroutine, and take no lock where there
// is a value already.
type PeerSlot[T any] struct{ _ byte } // not empty: pointers to two empty values may be equal

// NewPeerSlot makes a slot that no peer has a value in.
func NewPeerSlot[T any]() *PeerSlot[T] { return new(PeerSlot[T]) }

// Get returns the value that the peer has in the slot. ok is false if there is none.
func (s *PeerSlot[T]) Get(p *Peer) (v T, ok bool) {
	if p == nil {
		return v, false
	}
	kept, ok := p.kept.Load(s)
	if !ok {
		return v, false
	}
	v, _ = kept.(T) // not if T is an interface, and the value nil
	return v, true
}

// GetOrSet returns the value in the peer's slot. If there is none, it puts there what fresh
// returns. Of several goroutines that do so at once all get the value of one. For a nil Peer
// it returns what fresh does.
func (s *PeerSlot[T]) GetOrSet(p *Peer, fresh func() T) T {
	if v, ok := s.Get(p); ok {
		return v
	}
	v := fresh()
	if p == nil {
		return v
	}
	kept, _ := p.kept.LoadOrStore(s, v)
	v, _ = kept.(T)
	return v
}
