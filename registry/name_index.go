package registry

// The list of types that tables share, found by name and object.

import "sync/atomic"

// A typeList is a list of types in order of registration, with an index to
// find them by name and object. All tables of one state of a registry share
// one, those of Rebase with packets that they have no id for.
//
// The index is made when it is first asked for: many tables are never asked.
type typeList struct {
	types []*Type
	made  atomic.Pointer[index]
}

type index struct {
	names   map[string]*Type
	objects map[any]*Type // nil: of several
}

// index returns the list's index. Two goroutines may make it at the same
// time; theirs are equal, and neither waits for the other.
func (r *typeList) index() *index {
	if ix := r.made.Load(); ix != nil {
		return ix
	}
	ix := newIndex(r.types)
	r.made.Store(ix)
	return ix
}

func newIndex(types []*Type) *index {
	ix := &index{names: make(map[string]*Type, len(types)), objects: make(map[any]*Type)}
	for _, ty := range types {
		ix.names[ty.name] = ty
		if ty.object == nil {
			continue
		}
		if _, taken := ix.objects[ty.object]; taken {
			ix.objects[ty.object] = nil
		} else {
			ix.objects[ty.object] = ty
		}
	}
	return ix
}
