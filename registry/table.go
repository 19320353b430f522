package registry

// The Table: an immutable snapshot of a registry, or of it under another side's ids.

// Entry is a packet's name with its id on the wire.
type Entry struct {
	Name string
	ID   uint16
}

// Table is an immutable snapshot of a registry: which packet has which id on
// the wire. That of the registry holds the ids that were registered; one made
// by Adapt or Rebase holds the other side's. All methods are safe for
// concurrent use.
//
// A table of Adapt or Rebase shares the packets with that of the registry. For
// itself it takes at most 2.5 KiB, or 512 bytes and 16 for each packet,
// whatever ids the other side has picked: they decide only how a type is found
// (see idTable).
type Table struct {
	idTable
	wire []uint16  // by Type.Index: the id on the wire; see has
	n    int       // packets with an id
	list *typeList // shared
}

// Type is the packet's type for an id from the wire, or nil when the id is
// unknown.
func (t *Table) Type(id uint16) *Type {
	if i := uint(id) - t.first; i < uint(len(t.dense)) {
		return t.dense[i]
	}
	return t.other(id)
}

// WireID is the id to put on the wire for a packet. It is not ok when the
// table does not have the packet: it was removed or added since, belongs to
// another registry, or the other side does not know it.
func (t *Table) WireID(ty *Type) (id uint16, ok bool) {
	// Indices are used again, so the type decides.
	if ty == nil || ty.index >= len(t.wire) || t.types[ty.index] != ty {
		return 0, false
	}
	return t.wire[ty.index], t.has(ty.index)
}

// has reports whether the packet with an index has an id in this table. Of the
// packets only handshake_init, the first of each registry, has the id 0.
func (t *Table) has(index int) bool { return t.wire[index] != 0 || index == IDInit }

// IDs lists all packets with their ids on the wire in order of registration,
// the four internal ones with ids 0 to 3 first. The slice is the caller's.
func (t *Table) IDs() []Entry {
	ids := make([]Entry, 0, t.n)
	for _, ty := range t.list.types {
		if t.has(ty.index) {
			ids = append(ids, Entry{ty.name, t.wire[ty.index]})
		}
	}
	return ids
}

// Told is what a side tells the other of its packets: those that both must have, as IDs
// lists them, and the optional ones. The slices are the caller's.
func (t *Table) Told() (ids, optional []Entry) {
	ids = make([]Entry, 0, t.n)
	for _, ty := range t.list.types {
		if !t.has(ty.index) {
			continue
		}
		e := Entry{ty.name, t.wire[ty.index]}
		if ty.options.Optional {
			optional = append(optional, e)
		} else {
			ids = append(ids, e)
		}
	}
	return ids, optional
}

// Named is the packet with a name, or nil when the table has none.
func (t *Table) Named(name string) *Type { return t.named(name) }

// Len is the number of packets.
func (t *Table) Len() int { return t.n }

// blank is a table of the same packets, none of which has an id yet.
func (t *Table) blank() *Table {
	return &Table{idTable: idTable{types: t.types}, wire: make([]uint16, len(t.types)), list: t.list}
}

// put gives a type an id, in a table under construction.
func (t *Table) put(ty *Type, id uint16) {
	t.wire[ty.index] = id
	t.n++
}

// holder is the type that has an id in a table under construction.
func (t *Table) holder(id uint16) *Type {
	for i, ty := range t.types {
		if ty != nil && t.has(i) && t.wire[i] == id {
			return ty
		}
	}
	return nil
}

// named is the packet with a name, nil if the table has none.
func (t *Table) named(name string) *Type {
	if ty := t.list.index().names[name]; ty != nil && t.has(ty.index) {
		return ty
	}
	return nil
}

func (t *Table) numbered(id uint16) *Type { return t.Type(id) }

func (t *Table) contains(ty *Type) bool {
	_, ok := t.WireID(ty)
	return ok
}

// serving is the packet that an object serves; several tells that it is not
// the only one.
func (t *Table) serving(obj any) (ty *Type, several bool) {
	ty, served := t.list.index().objects[obj]
	return ty, served && ty == nil
}
