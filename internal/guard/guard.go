// Package guard calls code of the program, which may panic or call
// runtime.Goexit, and reports how that ended. [Call] ends a panic, and [Then]
// lets it go on to the caller.
package guard

// Call calls fn. If fn does not return, Call calls failed: with the value of the
// panic, which ends there, or with nil when fn called runtime.Goexit. That ends
// the goroutine, so the code after Call does not run then; only deferred functions
// do. Neither function may be nil, and nothing is allocated.
func Call(fn func(), failed func(v any)) {
	returned := false
	defer func() {
		if !returned {
			failed(recover())
		}
	}()
	fn()
	returned = true
}

// Then calls fn and, when that has ended, then. Returned is false if a panic or
// runtime.Goexit ended fn; it goes on when then returns. Neither function may be
// nil, and nothing is allocated.
func Then(fn func(), then func(returned bool)) {
	returned := false
	defer func() { then(returned) }()
	fn()
	returned = true
}
