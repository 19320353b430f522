package registry

// The packets of a registry while they change.

import "slices"

// packetSet is the packets of a registry as they change: adding and removing one
// takes the same time however many there are. Readers use a Table instead,
// which is made of it when they first ask after a change.
type packetSet struct {
	names   map[string]*Type
	ids     map[uint16]*Type
	objects map[any][]*Type // those that an object serves
	order   []*Type         // of registration; removed types stay until compact
	types   []*Type         // by Type.Index; nil: the index is free
	free    []int           // indices
}

func newPacketSet() packetSet {
	return packetSet{names: make(map[string]*Type), ids: make(map[uint16]*Type), objects: make(map[any][]*Type)}
}

func (c *packetSet) len() int { return len(c.names) }

// add takes a type in, whose name and id are free, and gives it an index.
func (c *packetSet) add(t *Type) {
	if n := len(c.free); n > 0 {
		t.index, c.free = c.free[n-1], c.free[:n-1]
		c.types[t.index] = t
	} else {
		t.index = len(c.types)
		c.types = append(c.types, t)
	}
	c.names[t.name], c.ids[t.id] = t, t
	if t.object != nil {
		c.objects[t.object] = append(c.objects[t.object], t)
	}
	c.order = append(c.order, t)
}

// remove takes a type out; its index is free again.
func (c *packetSet) remove(t *Type) {
	c.types[t.index] = nil
	c.free = append(c.free, t.index)
	delete(c.names, t.name)
	delete(c.ids, t.id)
	if t.object != nil {
		c.unserve(t)
	}
	if len(c.order) > 2*c.len() {
		c.compact()
	}
}

// unserve has a type's object serve it no more.
func (c *packetSet) unserve(t *Type) {
	types := c.objects[t.object]
	i := slices.Index(types, t)
	if types = slices.Delete(types, i, i+1); len(types) > 0 {
		c.objects[t.object] = types
	} else {
		delete(c.objects, t.object)
	}
}

// compact drops removed types from the order.
func (c *packetSet) compact() {
	c.order = slices.DeleteFunc(c.order, func(t *Type) bool { return !c.contains(t) })
}

// freeze makes the table of the packets under the ids they were registered
// with.
func (c *packetSet) freeze() *Table {
	c.compact()
	t := &Table{
		idTable: idTable{types: slices.Clone(c.types)},
		wire:    make([]uint16, len(c.types)),
		list:    &typeList{types: slices.Clone(c.order)},
	}
	for _, ty := range c.order {
		t.put(ty, ty.id)
	}
	t.enter()
	return t
}

func (c *packetSet) named(name string) *Type  { return c.names[name] }
func (c *packetSet) numbered(id uint16) *Type { return c.ids[id] }

func (c *packetSet) contains(t *Type) bool {
	return t != nil && t.index < len(c.types) && c.types[t.index] == t
}

func (c *packetSet) serving(obj any) (t *Type, several bool) {
	switch types := c.objects[obj]; len(types) {
	case 0:
		return nil, false
	case 1:
		return types[0], false
	}
	return nil, true
}
