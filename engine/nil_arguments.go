package engine

// How nil arguments are found.

import (
	"fmt"
	"reflect"
)

// errNilContext is returned where a call needs a context and is given nil.
var errNilContext = fmt.Errorf("%w context", ErrNil)

// errNilShared is returned where a call needs a Shared and is given nil.
var errNilShared = fmt.Errorf("%w shared payload", ErrNil)

// nonNil returns an error for the first of the arguments that is nil. Each argument comes
// after its name: nonNil("transport", tr). A nil pointer, function or the like in an
// interface counts as nil.
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
