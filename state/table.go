package state

// table: the values of a State by their keys, and the order in which they changed last.

// none is the place of no slot.
const none int32 = -1

// keptRemovals is how many removals are remembered at least. See table.maxGone.
const keptRemovals = 1024

// slot is a key with its value, or with its removal.
type slot struct {
	key        uint64
	version    uint64 // of the last change; 0: the slot is free
	payload    []byte // the value, encoded; nil: the key was removed
	prev, next int32  // in the order of change
}

// order is slots in the order of their last change, linked by their places.
type order struct{ oldest, newest int32 }

// table is the values of a State. Each change has a version, which is one more than that of
// the change before. Slots with a value are in the order live, those with a removal in gone.
//
// What a reader lacks is what has a higher version than the one up to which it was told, so
// no list is kept for a reader, however far it lags. A removal has to be remembered for that;
// when too many are, the oldest is forgotten, and readers that were not told of it by then
// start again with a snapshot.
type table struct {
	slots   []slot
	index   map[uint64]int32 // of those that are not free
	free    []int32
	live    order
	gone    order
	values  int    // in live
	removed int    // in gone
	bytes   int    // of the values
	version uint64 // of the last change
	forgot  uint64 // removals up to this version are forgotten
}

func newTable() table {
	return table{index: make(map[uint64]int32), live: order{none, none}, gone: order{none, none}}
}

// set makes payload, which it copies, the value of key. It returns the slot, and false if the
// value was the same before.
func (t *table) set(key uint64, payload []byte) (at int32, changed bool) {
	at, known := t.index[key]
	if !known {
		at = t.newSlot(key)
		t.index[key] = at
	}
	s := &t.slots[at]
	switch {
	case s.payload != nil && string(s.payload) == string(payload):
		return at, false
	case s.payload != nil:
		t.unlink(&t.live, at)
	default:
		if known {
			t.unlink(&t.gone, at)
			t.removed--
		}
		t.values++
	}
	t.bytes += len(payload) - len(s.payload)
	if n := len(payload); n > cap(s.payload) || n < cap(s.payload)/2 {
		s.payload = make([]byte, n)
	}
	s.payload = s.payload[:len(payload)]
	copy(s.payload, payload)
	t.change(&t.live, at)
	return at, true
}

// remove removes a key. It returns the slot, and false if the key has no value.
func (t *table) remove(key uint64) (at int32, removed bool) {
	at, known := t.index[key]
	if !known || t.slots[at].payload == nil {
		return none, false
	}
	t.unlink(&t.live, at)
	s := &t.slots[at]
	t.bytes -= len(s.payload)
	s.payload = nil
	t.values--
	t.removed++
	t.change(&t.gone, at)
	for t.removed > t.maxGone() {
		t.forget(t.gone.oldest)
	}
	return at, true
}

// maxGone is how many removals are remembered: as many as there are values, since a reader
// that was not told of more is told all of the values at no greater cost.
func (t *table) maxGone() int { return max(t.values, keptRemovals) }

// forget frees the slot of a removal.
func (t *table) forget(at int32) {
	t.unlink(&t.gone, at)
	s := &t.slots[at]
	t.forgot = max(t.forgot, s.version)
	delete(t.index, s.key)
	*s = slot{prev: none, next: none}
	t.free = append(t.free, at)
	t.removed--
}

func (t *table) newSlot(key uint64) (at int32) {
	if n := len(t.free); n > 0 {
		at, t.free = t.free[n-1], t.free[:n-1]
	} else {
		at = int32(len(t.slots))
		t.slots = append(t.slots, slot{})
	}
	t.slots[at] = slot{key: key, prev: none, next: none}
	return at
}

// change makes a slot the newest of an order.
func (t *table) change(o *order, at int32) {
	t.version++
	s := &t.slots[at]
	s.version, s.prev, s.next = t.version, o.newest, none
	if o.newest == none {
		o.oldest = at
	} else {
		t.slots[o.newest].next = at
	}
	o.newest = at
}

func (t *table) unlink(o *order, at int32) {
	s := &t.slots[at]
	if s.prev == none {
		o.oldest = s.next
	} else {
		t.slots[s.prev].next = s.next
	}
	if s.next == none {
		o.newest = s.prev
	} else {
		t.slots[s.next].prev = s.prev
	}
}

// value is the value of a key, encoded. The table's lock has to be held while it is used.
func (t *table) value(key uint64) (at int32, payload []byte) {
	at, known := t.index[key]
	if !known {
		return none, nil
	}
	return at, t.slots[at].payload
}
