package codec

// Clearing what an earlier packet left between a slice's length and its capacity.

import (
	"reflect"
	"slices"
)

// forget clears the elements between the length and the capacity of the slices
// in v. msgpack/v5, when a type's own code has it decode into such a slice, takes
// them as they are, and they may be what is left of an earlier packet.
//
// Pointers are followed where v5 would, in exported fields, but from no type to
// itself: so it ends.
func forget(v reflect.Value, above []reflect.Type) {
	switch v.Kind() {
	case reflect.Slice:
		if isWhole(v.Type().Elem().Kind()) {
			return
		}
		if v.Len() < v.Cap() {
			v.Slice(v.Len(), v.Cap()).Clear()
		}
		for i := range v.Len() {
			forget(v.Index(i), above)
		}
	case reflect.Array:
		if isWhole(v.Type().Elem().Kind()) {
			return
		}
		for i := range v.Len() {
			forget(v.Index(i), above)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			forget(v.Field(i), above)
		}
	case reflect.Pointer:
		if t := v.Type(); !v.IsNil() && v.CanInterface() && !slices.Contains(above, t) {
			forget(v.Elem(), append(above, t))
		}
	}
}

// isWhole reports whether decoding a value of a kind leaves nothing of the one
// before.
func isWhole(k reflect.Kind) bool { return k < reflect.Array || k == reflect.String }
