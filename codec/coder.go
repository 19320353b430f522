package codec

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A coder is what a Msgpack knows of the type of a value that it is given.
type coder struct {
	typ    unsafe.Pointer // as an any has it
	encode *plan          // of the type; nil if that has none, or encodes itself
	decode *plan          // of what the type points to; nil likewise
	weight weight         // what decoding can cost
}

func newCoder(t reflect.Type, typ unsafe.Pointer) *coder {
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

// of returns the coder for the type of v. The one of nil can do nothing.
func (s *coders) of(v any) *coder {
	typ := wordsOf(&v).typ
	slot := &s.slots[uint64(uintptr(typ))*0x9e3779b97f4a7c15>>58]
	if k := slot.Load(); k != nil && k.typ == typ {
		return k
	}
	return s.find(v, typ, slot)
}

func (s *coders) find(v any, typ unsafe.Pointer, slot *atomic.Pointer[coder]) *coder {
	t := reflect.TypeOf(v)
	if t == nil {
		return new(coder)
	}
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
	out, err := k.encode.appendTo(dst, v, depth)
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
	if end, ok := k.decode.decodeInto(b, v); !ok {
		return decodeError(v, fmt.Errorf("payload byte %d: %w", end, ErrKind))
	}
	return nil
}
