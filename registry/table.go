package registry

import "slices"

// Entry is a packet's name with its id on the wire.
type Entry struct {
	Name string
	ID   uint16
}

// pageSize is the number of ids of a page: an id's high byte picks the page,
// its low byte the slot.
const pageSize = 256

type page [pageSize]*Type

// Table is an immutable snapshot of a registry: which packet has which id on
// the wire. That of the registry holds the ids that were registered; one made
// by Adapt or Rebase holds the other side's. All methods are safe for
// concurrent use.
//
// On a 64-bit machine a table takes 2.3 KiB, another 2.3 KiB for each block
// of 256 ids with a packet in it, 24 bytes per packet, and 2 bytes per packet
// ever registered; the registry's own also holds an index by name. With n
// packets the other side of a connection can touch no more than n blocks. At
// worst, with 4,096 packets scattered over all 256 blocks, a table takes
// 690 KiB.
//
// The blocks are why: a flat slice by id would take 512 KiB for every
// connection whose other side uses one high id, to save one or two nanoseconds
// a packet. A map takes about six times as long as either.
type Table struct {
	pages  [pageSize]*page
	wire   []uint16 // by Type.Index; 0 where the table has no such type, see WireID
	roster *roster  // the types, in order of registration
	ids    []Entry  // as roster.types
}

// Type is the packet's type for an id from the wire, or nil when the id is
// unknown.
func (t *Table) Type(id uint16) *Type {
	if p := t.pages[id>>8]; p != nil {
		return p[id&0xff]
	}
	return nil
}

// WireID is the id to put on the wire for a packet. It is not ok when the
// table does not have the packet: it was removed or added since, belongs to
// another registry, or the other side does not know it.
func (t *Table) WireID(ty *Type) (id uint16, ok bool) {
	if ty == nil || ty.index >= len(t.wire) {
		return 0, false
	}
	// Looking the id up again tells a type from one of another registry with
	// the same index, and saves a mark for absent types: their 0 is not theirs.
	if id = t.wire[ty.index]; t.Type(id) != ty {
		return 0, false
	}
	return id, true
}

// IDs lists all packets with their ids on the wire in order of registration,
// the four internal ones with ids 0 to 3 first. The slice is shared and never
// changes: read only.
func (t *Table) IDs() []Entry { return slices.Clip(t.ids) }

// Len is the number of packets.
func (t *Table) Len() int { return len(t.ids) }

// with is a copy of the registry's newest table with one more type.
//
// Slices are shared between a table and its successors: each successor writes
// behind the end its predecessors see. That is sound because tables are made
// one from the other in a line, under the registry's lock, and never from an
// older one.
func (t *Table) with(ty *Type) *Table {
	n := &Table{
		pages:  t.pages,
		wire:   append(t.wire, 0),
		roster: &roster{types: append(t.roster.types, ty)},
		ids:    append(t.ids, ty.entry()),
	}
	n.ownPage(ty.id)
	n.put(ty, ty.id)
	return n
}

// without is a copy of the registry's table that lacks one of its types.
// Its id stays in wire, where WireID no longer believes it.
func (t *Table) without(ty *Type) *Table {
	i := slices.Index(t.roster.types, ty)
	n := &Table{
		pages:  t.pages,
		wire:   t.wire,
		roster: &roster{types: slices.Concat(t.roster.types[:i], t.roster.types[i+1:])},
		ids:    slices.Concat(t.ids[:i], t.ids[i+1:]),
	}
	p := n.ownPage(ty.id)
	p[ty.id&0xff] = nil
	if *p == (page{}) {
		n.pages[ty.id>>8] = nil
	}
	return n
}

// ownPage makes the page of an id the table's own, to be written while the
// table is made.
func (t *Table) ownPage(id uint16) *page {
	p := new(page)
	if old := t.pages[id>>8]; old != nil {
		*p = *old
	}
	t.pages[id>>8] = p
	return p
}

// put gives a type an id, in a table under construction.
func (t *Table) put(ty *Type, id uint16) {
	if t.pages[id>>8] == nil {
		t.pages[id>>8] = new(page)
	}
	t.pages[id>>8][id&0xff] = ty
	t.wire[ty.index] = id
}
