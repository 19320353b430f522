package registry

import (
	"fmt"
	"reflect"
)

// Typed is a handle to a packet. Packet[T] is one.
type Typed interface {
	Type() *Type
}

// isKey tells whether obj, with value v, is a key of its own, so that it
// could never be looked up as an object.
func isKey(obj any, v reflect.Value) bool {
	switch obj.(type) {
	case *Type, Typed:
		return true
	}
	return v.Kind() == reflect.String || v.CanInt() || v.CanUint()
}

// lookup finds the type for a key of any form. The order of the cases is the
// order of precedence: isKey keeps objects out that an earlier case would
// catch.
func (t *Table) lookup(key any) (*Type, error) {
	switch k := key.(type) {
	case nil:
		return nil, &UnknownError{}
	case *Type:
		return known(t.registered(k), key)
	case string:
		return known(t.named(k), key)
	case int:
		return known(t.numbered(int64(k)), key)
	}
	v := reflect.ValueOf(key)
	if k, ok := key.(Typed); ok {
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return nil, &UnknownError{Key: key}
		}
		return known(t.registered(k.Type()), key)
	}
	switch {
	case v.Kind() == reflect.String:
		return known(t.named(v.String()), key)
	case v.CanInt():
		return known(t.numbered(v.Int()), key)
	case v.CanUint():
		// Beyond int64 it would wrap to a negative number: unknown as well.
		return known(t.numbered(int64(v.Uint())), key)
	case hashable(v):
		return t.serving(key)
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

func (t *Table) registered(ty *Type) *Type {
	if _, ok := t.WireID(ty); ok {
		return ty
	}
	return nil
}

func (t *Table) named(name string) *Type {
	if i, ok := t.roster.index().names[name]; ok {
		return t.roster.types[i]
	}
	return nil
}

func (t *Table) numbered(id int64) *Type {
	if id >= 0 && id <= MaxID {
		return t.Type(uint16(id))
	}
	return nil
}

// serving finds the one packet that a comparable object serves.
func (t *Table) serving(obj any) (*Type, error) {
	i, ok := t.roster.index().objects[obj]
	switch {
	case !ok:
		return nil, &UnknownError{Key: obj}
	case i == several:
		return nil, fmt.Errorf("%w: %T", ErrAmbiguous, obj)
	}
	return t.roster.types[i], nil
}
