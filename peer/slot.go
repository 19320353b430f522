package peer

// Slot: a place on every conn for a value of one package.

// Slot is a place on every conn for a T: the state that a package keeps there, such as its
// calls under way. SetData is the program's own, and has room for one value only.
//
// A Slot is known by its pointer, and has no state of its own, so a package may keep one
// in a variable. Its methods may be called from any goroutine. Values stay after the end
// of a conn, until the program lets go of the conn.
type Slot[T any] struct{ key slotKey }

// slotKey is what a slot is known by: its address, which is cheaper to compare than values of
// type any. It is not empty, because pointers to two empty values may be equal.
type slotKey struct{ _ byte }

// NewSlot makes a slot that no conn has a value in.
func NewSlot[T any]() *Slot[T] { return new(Slot[T]) }

// slotValue is a value in a slot.
type slotValue struct {
	slot  *slotKey
	value any // the T
}

// Get returns the value that the conn has in the slot. ok is false if there is none. It
// takes no lock; its time grows with the number of slots in use on the conn, which are few.
func (s *Slot[T]) Get(c *Conn) (v T, ok bool) {
	if c == nil {
		return v, false
	}
	a := c.extra.Load()
	if a == nil {
		return v, false
	}
	return s.find(a.slots.Load())
}

func (s *Slot[T]) find(values *[]slotValue) (v T, ok bool) {
	if values == nil {
		return v, false
	}
	for i := range *values {
		if e := &(*values)[i]; e.slot == &s.key {
			v, _ = e.value.(T) // not if T is an interface, and the value nil
			return v, true
		}
	}
	return v, false
}

// Set puts v into the conn's slot. It does nothing for a nil Conn.
func (s *Slot[T]) Set(c *Conn, v T) {
	if c == nil {
		return
	}
	a := c.attach()
	for {
		old := a.slots.Load()
		if a.slots.CompareAndSwap(old, s.with(old, v)) {
			return
		}
	}
}

// GetOrSet returns the value in the conn's slot. If there is none, it puts there what fresh
// returns. Of several goroutines that do so at once all get the value of one. For a nil Conn
// it returns what fresh does.
func (s *Slot[T]) GetOrSet(c *Conn, fresh func() T) T {
	if c == nil {
		return fresh()
	}
	a := c.attach()
	old := a.slots.Load()
	if v, ok := s.find(old); ok {
		return v
	}
	for v := fresh(); ; old = a.slots.Load() {
		if other, ok := s.find(old); ok {
			return other
		}
		if a.slots.CompareAndSwap(old, s.with(old, v)) {
			return v
		}
	}
}

// with returns values and v in place of the slot's old value.
func (s *Slot[T]) with(values *[]slotValue, v T) *[]slotValue {
	set := []slotValue{{&s.key, v}}
	if values != nil {
		for _, e := range *values {
			if e.slot != &s.key {
				set = append(set, e)
			}
		}
	}
	return &set
}
