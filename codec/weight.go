package codec

import (
	"encoding"
	"reflect"

	"github.com/vmihailenco/msgpack/v5"
)

// A weight is what one object on the wire can make a decoder allocate within a
// value of some type, in bytes, at most. The wire alone does not tell: a nil
// in an array is one byte, but the slice's element is as large as its type.
type weight struct {
	item   int // an element of a slice
	entry  int // an entry of a map
	target int // what a pointer points to, if it takes an array or a map to fill it
	inline int // what all pointers embedded in one struct point to, which one of its fields is enough to fill
	box    int // what another pointer points to
	zero   int // a struct or an array that is set to zero by way of a copy, as large ones are
}

// zeroes is the size up to which reflect has a zero value at hand, in bytes.
const zeroes = 1024

// weigh tells what decoding into a pointer of type t can cost.
func weigh(t reflect.Type) weight {
	var x weight
	if t.Kind() == reflect.Pointer { // else v5 refuses it
		x.add(t.Elem(), make(map[reflect.Type]bool))
	}
	return x
}

// add puts t in, and all that v5 reaches from there.
func (x *weight) add(t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	if k := t.Kind(); (k == reflect.Struct || k == reflect.Array) && t.Size() > zeroes {
		x.zero = max(x.zero, allocation(t))
	}
	switch t.Kind() {
	case reflect.Slice:
		x.item = max(x.item, allocation(t.Elem()))
	case reflect.Map:
		x.entry = max(x.entry, int(t.Key().Size()+t.Elem().Size()))
		x.add(t.Key(), seen)
	case reflect.Pointer:
		size := allocation(t.Elem())
		if t.Elem().Kind() == reflect.Struct && !decodesItself(t) {
			x.target = max(x.target, size)
		} else {
			x.box = max(x.box, size)
		}
	case reflect.Struct:
		x.inline = max(x.inline, embedded(t, make(map[reflect.Type]bool)))
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
		(w.arrays+w.maps)*(x.target+x.inline) +
		(w.items+w.pairs+1)*(x.box+x.zero)
}

// embedded is what the pointers take that are embedded in a struct of type t,
// at any depth.
func embedded(t reflect.Type, seen map[reflect.Type]bool) (size int) {
	if seen[t] {
		return 0
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous {
			continue
		}
		e := f.Type
		if e.Kind() == reflect.Pointer {
			e = e.Elem()
			size += allocation(e)
		}
		if e.Kind() == reflect.Struct {
			size += embedded(e, seen)
		}
	}
	return size
}

// allocation is what one value of type t takes on the heap: small ones come in
// classes, larger ones have a header, and the largest are whole pages.
func allocation(t reflect.Type) int {
	const small, large, page = 512, 32 << 10, 8 << 10
	size := int(t.Size())
	if size > large {
		return (size + page - 1) &^ (page - 1)
	}
	if size > small {
		size += 8
	}
	return cap(append([]byte(nil), make([]byte, size)...))
}

// decodesItself reports whether v5 leaves a pointer of type t to its own code,
// which may take any object for it.
func decodesItself(t reflect.Type) bool {
	for _, own := range []reflect.Type{
		reflect.TypeFor[msgpack.CustomDecoder](), reflect.TypeFor[msgpack.Unmarshaler](),
		reflect.TypeFor[encoding.BinaryUnmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
	} {
		if t.Implements(own) {
			return true
		}
	}
	return false
}
