package guard

import (
	"errors"
	"runtime"
	"testing"
)

func TestCall(t *testing.T) {
	err := errors.New("a value")
	for _, test := range []struct {
		name    string
		fn      func()
		failed  bool
		v       any
		goes    bool // the code after Call runs
		nothing bool // v is a runtime error, whatever it is
	}{
		{name: "return", fn: func() {}, goes: true},
		{name: "panic", fn: func() { panic(err) }, failed: true, v: err, goes: true},
		{name: "panic(nil)", fn: func() { panic(nil) }, failed: true, nothing: true, goes: true},
		{name: "Goexit", fn: runtime.Goexit, failed: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var failed, went bool
			var v any
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				Call(test.fn, func(p any) { failed, v = true, p })
				went = true
			}()
			<-ended
			if failed != test.failed || went != test.goes {
				t.Errorf("failed %v, went on %v; want %v, %v", failed, went, test.failed, test.goes)
			}
			if test.nothing && v == nil || !test.nothing && v != test.v {
				t.Errorf("the value is %v, want %v", v, test.v)
			}
		})
	}
}

// A panic in failed itself goes on to the caller.
func TestCallLetsItsOwnPanicGoOn(t *testing.T) {
	defer func() {
		if v := recover(); v != "second" {
			t.Errorf("recovered %v", v)
		}
	}()
	Call(func() { panic("first") }, func(any) { panic("second") })
}

func TestCallAllocatesNothing(t *testing.T) {
	n := 0
	if a := testing.AllocsPerRun(1000, func() {
		Call(func() { n++ }, func(any) { n-- })
	}); a != 0 {
		t.Errorf("%v allocations, want none", a)
	}
}
