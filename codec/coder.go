package codec

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
)

// A coder is what a Msgpack knows of the type of a value that it is given.
type coder struct {
	typ    uintptr // the type's address; coders keeps the type
	plan   *plan   // of the type; nil if it has none
	target *plan   // of what the type points to; nil if it is no pointer
	err    error   // why there is no plan
}

func newCoder(m *Msgpack, t reflect.Type, typ uintptr) *coder {
	p, err := newPlanner(m).plan(t)
	if err != nil {
		return &coder{typ: typ, err: err.of(t)}
	}
	k := &coder{typ: typ, plan: p}
	if t.Kind() == reflect.Pointer {
		k.target = p.elem
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
func (s *coders) of(m *Msgpack, v any) *coder {
	t := reflect.TypeOf(v)
	typ := reflect.ValueOf(t).Pointer()
	slot := &s.slots[uint64(typ)*0x9e3779b97f4a7c15>>58]
	if k := slot.Load(); k != nil && k.typ == typ {
		return k
	}
	return s.find(m, t, typ, slot)
}

func (s *coders) find(m *Msgpack, t reflect.Type, typ uintptr, slot *atomic.Pointer[coder]) *coder {
	known, ok := s.all.Load(t)
	if !ok {
		known, _ = s.all.LoadOrStore(t, newCoder(m, t, typ))
	}
	k := known.(*coder)
	slot.Store(k)
	return k
}

// append appends v, which lies in depth arrays and maps, by the type's plan.
// What that appends is sound, so no walk follows.
func (k *coder) append(dst []byte, v any, depth int) ([]byte, error) {
	if k.err != nil {
		return dst, encodeError(v, k.err)
	}
	out, err := k.plan.encode(dst, reflect.ValueOf(v), depth)
	if err != nil {
		return dst, encodeError(v, err)
	}
	return out, nil
}

// decode decodes b, which has passed w, by the plan of what v points to. The
// plan trusts the walk, and finding that it was wrong is an error.
func (k *coder) decode(b []byte, v any, c *cursor) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicError("decode", v, p)
		}
	}()
	ptr := reflect.ValueOf(v)
	var ok bool
	switch {
	case k.err != nil:
		return decodeError(v, k.err)
	case k.target == nil || ptr.IsNil():
		return decodeError(v, errNil)
	case k.plan.dec != opPointer: // registered with v5 as a pointer
		ok = k.plan.decode(c, ptr)
	default:
		ok = k.target.decode(c, ptr.Elem())
	}
	switch {
	case ok:
		return nil
	case c.fault == nil:
		c.fault = ErrKind
	case c.fault == ErrBudget:
		return &PayloadError{Offset: c.i, Err: ErrBudget}
	}
	return c.mismatch(v)
}

// mismatch is the error for v, which the object at c does not fit.
func (c *cursor) mismatch(v any) error {
	e := &CodecError{Op: "decode", Type: reflect.TypeOf(v), Err: fmt.Errorf("payload byte %d: %w", c.i, c.fault)}
	if own := (*CodecError)(nil); errors.As(c.fault, &own) {
		e.Value = own.Value
	}
	return e
}
