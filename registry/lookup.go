package registry

// Finding a packet by a key: a name, an id, an object, a handle.

import (
	"fmt"
	"reflect"
)

// isKey tells whether obj, with value v, is a key of its own, so that it
// could never be looked up as an object.
func isKey(obj any, v reflect.Value) bool {
	switch obj.(type) {
	case *Type, Definition:
		return true
	}
	return v.Kind() == reflect.String || v.CanInt() || v.CanUint()
}

// finder is what keys are looked up in: a Table, or the packetSet that it is made
// of.
type finder interface {
	named(name string) *Type
	numbered(id uint16) *Type
	contains(t *Type) bool
	serving(obj any) (t *Type, several bool)
}

// lookup finds the type for a key of any form. The order of the cases is the
// order of precedence: isKey keeps objects out that an earlier case would
// catch.
func lookup(in finder, key any) (*Type, error) {
	switch k := key.(type) {
	case nil:
		return nil, &UnknownError{}
	case *Type:
		return registered(in, k, key)
	case string:
		return known(in.named(k), key)
	case int:
		return known(numbered(in, int64(k)), key)
	}
	if k, ok := key.(Definition); ok {
		d := definitionOf(k)
		if d == nil {
			return nil, &UnknownError{Key: key}
		}
		return known(d.of(in.numbered(uint16(d.id))), key)
	}
	v := reflect.ValueOf(key)
	switch {
	case v.Kind() == reflect.String:
		return known(in.named(v.String()), key)
	case v.CanInt():
		return known(numbered(in, v.Int()), key)
	case v.CanUint():
		// Beyond int64 it would wrap to a negative number: unknown as well.
		return known(numbered(in, int64(v.Uint())), key)
	case hashable(v):
		t, several := in.serving(key)
		if several {
			return nil, fmt.Errorf("%w: %T", ErrAmbiguous, key)
		}
		return known(t, key)
	}
	return nil, &UnknownError{Key: key}
}

// hashable tells whether v can be a map key. Pointers, which most objects
// are, can; Comparable would allocate to find that out.
func hashable(v reflect.Value) bool {
	return v.Kind() == reflect.Pointer || v.Comparable()
}

// known turns a type that was not found into an error.
func known(ty *Type, key any) (*Type, error) {
	if ty == nil {
		return nil, &UnknownError{Key: key}
	}
	return ty, nil
}

func registered(in finder, ty *Type, key any) (*Type, error) {
	if !in.contains(ty) {
		ty = nil
	}
	return known(ty, key)
}

func numbered(in finder, id int64) *Type {
	if id >= 0 && id <= MaxID {
		return in.numbered(uint16(id))
	}
	return nil
}
