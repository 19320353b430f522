package peer

// Finding a conn of a peer by its id.

import (
	"math/bits"
	"math/rand/v2"
)

// connIndex finds conns by their ids, and their place in the peer's order. It is a
// hash table with open addressing that takes its keys from the conns: 16 to 32
// bytes a conn, where a map takes twice that. The zero value is empty.
type connIndex struct {
	seed   uint64  // without which who knows the ids could have conns meet in a few slots
	slots  []*Conn // a power of two, at most three quarters of them in use; no gap between a conn and its slot
	places []int32 // of the conn in the same slot: its place in the order, or unmade
	n      int
}

// unlisted is the place of a conn that is not in the order.
const unlisted = -1

// minSlots is the least that an index has once it has any.
const minSlots = 16

// slot is where id is, or would be. There are slots.
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

// place is where the conn with that id has its place in the order; nil if there
// is no such conn. It is valid until a conn is added or removed.
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

// add puts in a conn whose id is not there.
func (x *connIndex) add(c *Conn) {
	if 4*x.n >= 3*len(x.slots) {
		x.resize(max(minSlots, 2*len(x.slots)))
	}
	x.put(c, unlisted)
	x.n++
}

// put has c, which is in no slot, in its own.
func (x *connIndex) put(c *Conn, place int32) {
	i := x.slot(c.id)
	x.slots[i], x.places[i] = c, place
}

// remove takes the conn with that id out, if it is there.
func (x *connIndex) remove(id uint64) {
	if x.get(id) == nil {
		return
	}
	i, mask := x.slot(id), len(x.slots)-1
	x.slots[i] = nil
	x.n--
	for i = (i + 1) & mask; x.slots[i] != nil; i = (i + 1) & mask { // it may leave a gap
		c := x.slots[i]
		x.slots[i] = nil
		x.put(c, x.places[i])
	}
	if 8*x.n < len(x.slots) && len(x.slots) > minSlots {
		x.resize(max(minSlots, len(x.slots)/4))
	}
}

// resize makes it n slots.
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

// all is every conn, in no order.
func (x *connIndex) all() []*Conn {
	conns := make([]*Conn, 0, x.n)
	for _, c := range x.slots {
		if c != nil {
			conns = append(conns, c)
		}
	}
	return conns
}
