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

// Then tells how fn ended, and what ended it goes on.
func TestThen(t *testing.T) {
	for name, test := range map[string]struct {
		fn   func()
		goes bool // fn returns, and the code after Then runs
		v    any  // what the caller recovers
	}{
		"return": {fn: func() {}, goes: true},
		"panic":  {fn: func() { panic("ouch") }, v: "ouch"},
		"Goexit": {fn: runtime.Goexit},
	} {
		t.Run(name, func(t *testing.T) {
			var told []bool
			var went bool
			var v any
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				defer func() { v = recover() }()
				Then(test.fn, func(returned bool) { told = append(told, returned) })
				went = true
			}()
			<-ended
			if len(told) != 1 || told[0] != test.goes || went != test.goes || v != test.v {
				t.Errorf("told %v, went on %v, recovered %v; want %v, %v", told, went, v, test.goes, test.v)
			}
		})
	}
}

func TestNothingIsAllocated(t *testing.T) {
	n := 0
	if a := testing.AllocsPerRun(1000, func() {
		Call(func() { n++ }, func(any) { n-- })
		Then(func() { n++ }, func(bool) { n-- })
	}); a != 0 {
		t.Errorf("%v allocations, want none", a)
	}
}
