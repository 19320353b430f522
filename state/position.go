package state

// position: how far a reader was told of a table, and what it has to be told next.
//
// A reader that keeps up goes through what has changed since its last tick, in the order of
// change. If that is more than one tick may have, it sweeps over all slots instead, some at
// each tick: in the order of change, a key that is set all the time would always move to the
// end, and a slow reader would never get it.

// position is what a reader was told. The zero position is that of a reader which was told
// nothing, and is given a snapshot.
type position struct {
	seen uint64 // all changes up to this version
	told bool   // a snapshot is complete

	sweeping bool
	at       int32  // the next slot of the sweep
	upTo     uint64 // the version of the table when the sweep began
	all      bool   // the sweep looks at what the reader was told, too, since its view has changed
}

// lost reports whether removals were forgotten that the reader was not told of, so that it
// has to begin again.
func (p *position) lost(t *table) bool {
	switch {
	case p.told:
		return t.forgot > p.seen
	case p.sweeping:
		return t.forgot > p.upTo // older ones are of keys that the snapshot has not told
	}
	return false
}

// behind reports whether there is something that the reader was not told.
func (p *position) behind(t *table) bool { return !p.told || p.sweeping || p.seen < t.version }

// review has everything looked at again, because the reader's view has changed. A reader
// whose snapshot is not complete has to begin again instead.
func (p *position) review(t *table) { p.beginSweep(t, true) }

func (p *position) beginSweep(t *table, all bool) {
	p.sweeping, p.at, p.upTo, p.all = true, 0, t.version, all
}

// next adds to b what the reader is to be told next, about limit bytes of values. done is true
// if that is everything. The table's lock is held.
func (p *position) next(t *table, limit int, b *batch, j judge) (done bool) {
	if !p.told && !p.sweeping {
		p.beginSweep(t, true)
	}
	if !p.sweeping {
		if p.changes(t, limit, b, j) {
			return true
		}
		p.beginSweep(t, false)
	}
	return p.sweep(t, limit, b, j)
}

// changes adds what has changed since the last time. It returns false, and adds nothing, if
// that is more than limit bytes.
func (p *position) changes(t *table, limit int, b *batch, j judge) bool {
	size := 0
	values, fits := p.first(t, t.live.newest, &size, limit)
	if !fits {
		return false
	}
	removals, fits := p.first(t, t.gone.newest, &size, limit)
	if !fits {
		return false
	}
	for _, at := range []int32{removals, values} {
		for ; at != none; at = t.slots[at].next {
			b.add(at, &t.slots[at], true, j)
		}
	}
	p.seen = t.version
	return true
}

// first is the oldest slot that has changed since the last time, in the order that ends with
// newest. It adds to size what those from there on have. fits is false if that is over limit.
func (p *position) first(t *table, newest int32, size *int, limit int) (first int32, fits bool) {
	first = none
	for at := newest; at != none && t.slots[at].version > p.seen; at = t.slots[at].prev {
		if *size += len(t.slots[at].payload) + changeSize; *size > limit {
			return none, false
		}
		first = at
	}
	return first, true
}

// changeSize is what a change counts beside its value: about what its frame takes.
const changeSize = 16

// sweep goes on with the sweep, until limit bytes are found or the end. It returns whether
// nothing is left to be told.
func (p *position) sweep(t *table, limit int, b *batch, j judge) (done bool) {
	for size := 0; int(p.at) < len(t.slots); p.at++ {
		s := &t.slots[p.at]
		news := s.version > p.seen
		switch {
		case s.version == 0, !news && !p.all, s.payload == nil && !p.told:
			continue
		case size >= limit:
			return false
		}
		size += len(s.payload) + changeSize
		b.add(p.at, s, news, j)
	}
	p.seen, p.told, p.sweeping, p.all = p.upTo, true, false, false
	return p.seen == t.version
}
