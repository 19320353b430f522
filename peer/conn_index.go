package peer

// A hash table from the id of a conn to the conn, and to its place in the connOrder.

import (
	"math/bits"
	"math/rand/v2"
)

// connIndex is a hash table with open addressing and linear probing. The ids are those in
// the conns, so an entry takes 16 to 32 bytes, half of what it takes in a map. The zero value
// is empty.
type connIndex struct {
	seed   uint64  // random, so that nobody can choose ids that meet in a few slots
	slots  []*Conn // a power of two, at most three quarters of them used; none is free between the slot that an id hashes to and its conn
	places []int32 // of the conn in the same slot: its place in the connOrder, or unlisted
	n      int     // conns
}

// unlisted is the place of a conn that is not in the connOrder.
const unlisted = -1

// minSlots is the least number of slots, once there is a conn.
const minSlots = 16

// slot is the slot that id is in, or that it would be put in. There must be slots.
func (x *connIndex) slot(id uint64) int {
	mask := len(x.slots) - 1
	high, low := bits.Mul64(id^x.seed, 0x9e3779b97f4a7c15) // spreads ids that lie close together
	i := int(high^low) & mask
	for x.slots[i] != nil && x.slots[i].id != id {
		i = (i + 1) & mask
	}
	return i
}

// get is the conn with that id, or nil.
func (x *connIndex) get(id uint64) *Conn {
	if x.n == 0 {
		return nil
	}
	return x.slots[x.slot(id)]
}

// place points to the place of the conn with that id. It is nil if there is no such conn, and
// valid until a conn is added or removed.
func (x *connIndex) place(id uint64) *int32 {
	if x.n == 0 {
		return nil
	}
	i := x.slot(id)
	if x.slots[i] == nil {
		return nil
	}
	return &x.places[i]
}

// add adds a conn whose id is not in the table.
func (x *connIndex) add(c *Conn) {
	if 4*x.n >= 3*len(x.slots) {
		x.resize(max(minSlots, 2*len(x.slots)))
	}
	x.put(c, unlisted)
	x.n++
}

// put puts c into the slot of its id.
func (x *connIndex) put(c *Conn, place int32) {
	i := x.slot(c.id)
	x.slots[i], x.places[i] = c, place
}

// remove removes the conn with that id, if it is in the table.
func (x *connIndex) remove(id uint64) {
	if x.get(id) == nil {
		return
	}
	i, mask := x.slot(id), len(x.slots)-1
	x.slots[i] = nil
	x.n--
	for i = (i + 1) & mask; x.slots[i] != nil; i = (i + 1) & mask { // the free slot may separate these from the slot of their id
		c := x.slots[i]
		x.slots[i] = nil
		x.put(c, x.places[i])
	}
	if 8*x.n < len(x.slots) && len(x.slots) > minSlots {
		x.resize(max(minSlots, len(x.slots)/4))
	}
}

// resize makes n slots, with a new seed.
func (x *connIndex) resize(n int) {
	x.seed = rand.Uint64()
	slots, places := x.slots, x.places
	x.slots, x.places = make([]*Conn, n), make([]int32, n)
	for i, c := range slots {
		if c != nil {
			x.put(c, places[i])
		}
	}
}

// all returns every conn, in no order.
func (x *connIndex) all() []*Conn {
	conns := make([]*Conn, 0, x.n)
	for _, c := range x.slots {
		if c != nil {
			conns = append(conns, c)
		}
	}
	return conns
}
