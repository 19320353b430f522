package registry

// Finding a type by its id: by a slice where ids lie close together, else by a
// hash.

import (
	"math/bits"
	"math/rand/v2"
)

// fewIDs is a range of ids that always gets a slot for each: 2 KiB.
const fewIDs = 256

// idTable finds a table's types by their ids. Applications number their packets
// from some id on, so that one slice of that range finds them: one comparison
// and one load. The ids of a table of Adapt are picked by the other side,
// though, and might lie anywhere. A range that is much wider than what lies in
// it becomes a hash table of 4-byte slots instead, which costs some nanoseconds
// a packet and keeps the table small: a slice by id would take 512 KiB for each
// connection whose other side uses one high id.
type idTable struct {
	dense []*Type // of the ids from first on
	first uint
	low   [MinID]*Type // internal packets
	hash  []slot       // of the ids from MinID on, when they are scattered
	types []*Type      // by Type.Index, which slots hold; nil where that is free; shared
}

// slot is an id in its upper half, and a Type.Index plus one in its lower half;
// 0 is a free slot.
type slot uint32

func (s slot) id() uint16 { return uint16(s >> 16) }
func (s slot) index() int { return int(s&0xffff) - 1 }

// other finds the types that are not in the dense range.
func (x *idTable) other(id uint16) *Type {
	switch {
	case id < MinID:
		return x.low[id]
	case len(x.hash) == 0:
		return nil
	}
	if s := x.hash[x.place(id)]; s != 0 {
		return x.types[s.index()]
	}
	return nil
}

// place is the slot that an id is in, or a free one.
func (x *idTable) place(id uint16) int {
	mask := len(x.hash) - 1
	i := int(mix(id)) & mask
	for x.hash[i] != 0 && x.hash[i].id() != id {
		i = (i + 1) & mask
	}
	return i
}

// mixed has a random number for each value of each of the two bytes of an id. The
// other side picks the ids and does not know the numbers, so it cannot pick ids
// that meet in a few slots. (A seed for a multiplication is not enough: ids in
// even steps met in up to 549 slots.) 1 KiB for all tables.
var mixed = func() (m [2][256]uint16) {
	for i := range m[0] {
		m[0][i], m[1][i] = uint16(rand.Uint32()), uint16(rand.Uint32())
	}
	return m
}()

// mix is the hash of an id.
func mix(id uint16) uint16 { return mixed[0][id>>8] ^ mixed[1][id&0xff] }

// enter completes a table under construction: its types are found by the ids
// that were put.
func (t *Table) enter() {
	first, last, n := MaxID+1, 0, 0
	for i, id := range t.wire {
		switch {
		case id >= MinID:
			first, last = min(first, int(id)), max(last, int(id))
			n++
		case t.has(i):
			t.low[id] = t.types[i]
		}
	}
	switch span := last - first + 1; {
	case n == 0:
	case span <= max(fewIDs, n+n/2):
		t.spread(first, span)
	default:
		t.scatter(n)
	}
}

// spread enters the ids of a range.
func (t *Table) spread(first, span int) {
	t.first, t.dense = uint(first), make([]*Type, span)
	for i, id := range t.wire {
		if id >= MinID {
			t.dense[int(id)-first] = t.types[i]
		}
	}
}

// scatter enters n ids into a hash table that is three quarters full at most.
func (t *Table) scatter(n int) {
	t.hash = make([]slot, 1<<bits.Len(uint(n+n/3)))
	for i, id := range t.wire {
		if id >= MinID {
			t.hash[t.place(id)] = slot(id)<<16 | slot(i+1)
		}
	}
}
