package codec

import "reflect"

// A weight is what one object on the wire can make a decoder allocate within a
// value of some type, in bytes, at most. The wire alone does not tell: a nil
// in an array is one byte, but the slice's element is as large as its type.
type weight struct {
	item   int // an element of a slice
	entry  int // an entry of a map
	target int // what a pointer points to, if it takes an array or a map to fill it
	box    int // what another pointer points to
}

// weigh tells what decoding into a pointer of type t can cost.
func (m *Msgpack) weigh(t reflect.Type) weight {
	if t == nil || t.Kind() != reflect.Pointer {
		return weight{} // v5 refuses it
	}
	if x, ok := m.weights.Load(t); ok {
		return x.(weight)
	}
	var x weight
	x.add(t.Elem(), make(map[reflect.Type]bool))
	m.weights.Store(t, x)
	return x
}

// add puts t in, and all that v5 reaches from there.
func (x *weight) add(t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Slice:
		x.item = max(x.item, int(t.Elem().Size()))
	case reflect.Map:
		x.entry = max(x.entry, int(t.Key().Size()+t.Elem().Size()))
		x.add(t.Key(), seen)
	case reflect.Pointer:
		size := int(t.Elem().Size())
		if t.Elem().Kind() == reflect.Struct {
			x.target = max(x.target, size)
		} else {
			x.box = max(x.box, size)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() || f.Anonymous {
				x.add(f.Type, seen)
			}
		}
		return
	case reflect.Array:
	default:
		return
	}
	x.add(t.Elem(), seen)
}

// cost is what the objects that w has counted can cost. v5 makes a slice
// twice, the second time to append it to none; a map has 8 slots at least, and
// between 7/16 and 7/8 of them in use.
func (x weight) cost(w *walk) int {
	return w.items*2*x.item +
		w.pairs*3*x.entry + w.filled*8*x.entry +
		(w.arrays+w.maps)*x.target +
		(w.items+w.pairs+1)*x.box
}
