package codec

// The cache of plans: one entry for each type that a Msgpack was given.

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
)

// A typeEntry is what a Msgpack knows of the type of a value that it is given.
type typeEntry struct {
	typ    uintptr // the type's address; the cache keeps the type alive
	plan   *plan   // of the type; nil if it has none
	target *plan   // of what the type points to; nil if it is no pointer
	err    error   // why there is no plan

	envelope bool // the type is an Envelope

	// promoted is why the methods of the type may not encode or decode it; see
	// promoted_methods.go. It is part of err, for those who do not use the plan.
	promoted error
}

func newTypeEntry(m *Msgpack, t reflect.Type, typ uintptr) *typeEntry {
	k := &typeEntry{typ: typ, promoted: promotedError(t), envelope: t.Implements(reflect.TypeFor[Envelope]())}
	p, err := newPlanner(m).plan(t)
	if err != nil {
		k.err = err.of(t)
		return k
	}
	k.plan = p
	if t.Kind() == reflect.Pointer {
		k.target = p.elem
	}
	return k
}

// A typeCache has an entry for each type that was asked for. Those in use are
// found by the address of the type, in slots, without a look into the map of all.
type typeCache struct {
	slots [64]atomic.Pointer[typeEntry]
	all   sync.Map // reflect.Type → *typeEntry
}

// of returns the entry for the type of v, which is not nil by itself.
func (s *typeCache) of(m *Msgpack, v any) *typeEntry {
	t := reflect.TypeOf(v)
	typ := reflect.ValueOf(t).Pointer()
	slot := &s.slots[uint64(typ)*0x9e3779b97f4a7c15>>58]
	if k := slot.Load(); k != nil && k.typ == typ {
		return k
	}
	return s.find(m, t, typ, slot)
}

func (s *typeCache) find(m *Msgpack, t reflect.Type, typ uintptr, slot *atomic.Pointer[typeEntry]) *typeEntry {
	known, ok := s.all.Load(t)
	if !ok {
		known, _ = s.all.LoadOrStore(t, newTypeEntry(m, t, typ))
	}
	k := known.(*typeEntry)
	slot.Store(k)
	return k
}

// append appends v, which lies in depth arrays and maps, by the type's plan.
// What that appends is sound, so no walk follows.
func (k *typeEntry) append(dst []byte, v any, depth int) ([]byte, error) {
	if k.err != nil {
		return dst, encodeError(v, k.err)
	}
	if k.envelope && depth == 0 && !reflect.ValueOf(v).IsNil() {
		if out, ok, err := k.appendEnvelope(dst, v.(Envelope)); ok {
			return out, err
		}
	}
	out, err := k.plan.encode(dst, reflect.ValueOf(v), depth)
	if err != nil {
		return dst, encodeError(v, err)
	}
	return out, nil
}

// decode decodes b, which has passed w, by the plan of what v points to. The
// plan trusts the walk, and finding that it was wrong is an error.
func (k *typeEntry) decode(b []byte, v any, c *cursor) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicError("decode", v, p)
		}
	}()
	ptr := reflect.ValueOf(v)
	var ok bool
	done := false
	switch {
	case k.err != nil:
		return decodeError(v, k.err)
	case k.target == nil || ptr.IsNil():
		return decodeError(v, errNil)
	case k.envelope:
		done, ok = c.envelope(v.(Envelope))
	}
	switch {
	case done:
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
