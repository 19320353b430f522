package registry

import "sync/atomic"

// A roster is a list of types in order of registration, with an index to
// find them by name and object. All tables of the same types share one.
//
// The index is made when it is first asked for: a program that registers
// thousands of packets at start does not pay for an index after each of them,
// and most tables of single connections never need their own.
type roster struct {
	types []*Type
	made  atomic.Pointer[index]
}

type index struct {
	names   map[string]int // positions in roster.types
	objects map[any]int    // the same, or several
}

// several stands in for the position of an object that serves more than one
// packet.
const several = -1

// index returns the roster's index. Two goroutines may make it at the same
// time; theirs are equal, and neither waits for the other.
func (r *roster) index() *index {
	if ix := r.made.Load(); ix != nil {
		return ix
	}
	ix := newIndex(r.types)
	r.made.Store(ix)
	return ix
}

func newIndex(types []*Type) *index {
	ix := &index{names: make(map[string]int, len(types)), objects: make(map[any]int)}
	for i, ty := range types {
		ix.names[ty.name] = i
		if ty.object == nil {
			continue
		}
		if _, taken := ix.objects[ty.object]; taken {
			i = several
		}
		ix.objects[ty.object] = i
	}
	return ix
}

// find returns the type of that name, or nil, without making an index.
func (r *roster) find(name string) *Type {
	for _, ty := range r.types {
		if ty.name == name {
			return ty
		}
	}
	return nil
}
