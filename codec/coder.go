package codec

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
)

// A coder is what a Msgpack knows of the type of a value that it is given.
type coder struct {
	typ    uintptr // the type's address; coders keeps the type
	encode *plan   // of the type; nil if that has none, or encodes itself
	decode *plan   // of what the type points to; nil likewise
	weight weight  // what decoding can cost
}

func newCoder(t reflect.Type, typ uintptr) *coder {
	k := &coder{typ: typ, weight: weigh(t)}
	target := t
	if t.Kind() == reflect.Pointer {
		target = t.Elem()
		if !t.Implements(reflect.TypeFor[Unmarshaler]()) {
			k.decode = planFor(target)
		}
	}
	if !reflect.PointerTo(target).Implements(reflect.TypeFor[Marshaler]()) {
		k.encode = planFor(t)
	}
	return k
}

// coders holds a coder for each type that was asked for. The types that are in
// use are found by their address, without a look into the map that has them
// all.
type coders struct {
	slots [64]atomic.Pointer[coder]
	all   sync.Map // reflect.Type → *coder
}

// of returns the coder for the type of v, which is not nil by itself.
func (s *coders) of(v any) *coder {
	t := reflect.TypeOf(v)
	typ := reflect.ValueOf(t).Pointer()
	slot := &s.slots[uint64(typ)*0x9e3779b97f4a7c15>>58]
	if k := slot.Load(); k != nil && k.typ == typ {
		return k
	}
	return s.find(t, typ, slot)
}

func (s *coders) find(t reflect.Type, typ uintptr, slot *atomic.Pointer[coder]) *coder {
	known, ok := s.all.Load(t)
	if !ok {
		known, _ = s.all.LoadOrStore(t, newCoder(t, typ))
	}
	k := known.(*coder)
	slot.Store(k)
	return k
}

// appendPlanned appends v, which lies in depth arrays and maps, by the type's
// plan. What that appends is sound, so no walk follows.
func (k *coder) appendPlanned(dst []byte, v any, depth int) ([]byte, error) {
	out, err := k.encode.encode(dst, reflect.ValueOf(v), depth)
	if err != nil {
		return dst, encodeError(v, err)
	}
	return out, nil
}

// decodePlanned decodes b, which has passed w, by the plan of v's type. The
// plan trusts the walk, and finding that it was wrong is an error.
func (k *coder) decodePlanned(b []byte, v any, w *walk) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicError("decode", v, p)
		}
	}()
	if w.cost()+k.weight.cost(w) > w.budget {
		return &PayloadError{Err: ErrBudget}
	}
	c := cursor{b: b}
	if !k.decode.decode(&c, reflect.ValueOf(v).Elem()) {
		return decodeError(v, fmt.Errorf("payload byte %d: %w", c.i, ErrKind))
	}
	return nil
}
