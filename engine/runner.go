//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
)

// runner runs a loop's callbacks, one at a time, on a goroutine that is not
// gnet's: runtime.Goexit ends the goroutine that it is called on, whatever is
// below on its stack, and gnet's polling cannot be taken up by another. This
// one can be replaced.
//
// The two are coroutines. gnet's goroutine waits while the other runs, so that
// to gnet it is one, and a switch takes a tenth of what a channel would.
type runner struct {
	loop *Loop
	fn   func()
	busy bool // fn has not returned
	next func() (struct{}, bool)
	stop func() // ends the goroutine
}

// newRunner makes a runner of fn, which gets what it works on from its caller.
func newRunner(l *Loop, fn func()) *runner {
	r := &runner{loop: l, fn: fn}
	r.next, r.stop = iter.Pull(r.serve)
	return r
}

// run has fn called. It returns when fn has returned, or called Goexit.
func (r *runner) run() {
	r.busy = true
	r.next()
	if r.busy {
		go r.stop() // on a goroutine of its own, since that ends with the other
		r.next, r.stop = iter.Pull(r.serve)
	}
}

func (r *runner) serve(yield func(struct{}) bool) {
	defer func() {
		if v := recover(); v != nil {
			// It goes on in next, where the stack would not be known.
			panic(fmt.Sprintf("%v\n\n%s", v, debug.Stack()))
		}
		if r.busy { // by Goexit, which waits here until it is let go on
			unlockThread()
			yield(struct{}{})
		}
	}()
	r.loop.adopt()
	for {
		r.fn()
		r.busy = false
		unlockThread()
		if !yield(struct{}{}) {
			return
		}
	}
}

// unlockThread takes back what locks a callback has left on its thread: a
// coroutine that is locked to one cannot be left, and the runtime ends the
// process that tries. Without locks it does nothing, in nanoseconds.
func unlockThread() {
	for range 4 {
		runtime.UnlockOSThread()
	}
}
