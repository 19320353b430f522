package engine

// How nil arguments are found.

import (
	"fmt"
	"reflect"
)

// need reports the first of the arguments that is nil, each of which comes behind
// what it is: "transport", tr. An argument of a nil pointer, function or the like in
// an interface is as nil as none.
func nonNil(args ...any) error {
	for i := 0; i < len(args); i += 2 {
		if isNil(args[i+1]) {
			return fmt.Errorf("%w %v", ErrNil, args[i])
		}
	}
	return nil
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Chan, reflect.Interface:
		return r.IsNil()
	}
	return false
}
