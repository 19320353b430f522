//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// The goroutine that callbacks run on, beside the one of gnet's event loop.

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
type callbackCoroutine struct {
	loop *Loop
	fn   func()
	busy bool // fn has not returned
	next func() (struct{}, bool)
	stop func() // ends the goroutine
}

// newCallbackCoroutine makes a runner of fn, which gets what it works on from its caller,
// and enters and exits the loop.
// It is called on gnet's goroutine, like run: the runtime would hold the program
// to the thread locks of a goroutine of the program's own.
func newCallbackCoroutine(l *Loop, fn func()) *callbackCoroutine {
	r := &callbackCoroutine{loop: l, fn: fn}
	r.start()
	return r
}

func (r *callbackCoroutine) start() {
	r.busy = false
	r.next, r.stop = iter.Pull(r.serve)
	r.next()
}

// run has fn called. It returns when fn has returned, or called Goexit.
func (r *callbackCoroutine) run() {
	r.busy = true
	r.next()
	if r.busy {
		go r.stop() // which ends like the goroutine that it ends
		r.start()
	}
}

// end ends the goroutine. Any goroutine may call it, once gnet's has ended.
func (r *callbackCoroutine) end() {
	ended := make(chan struct{})
	go func() { // the caller's may be locked to a thread
		defer close(ended)
		r.stop()
	}()
	<-ended
}

func (r *callbackCoroutine) serve(yield func(struct{}) bool) {
	defer func() {
		if v := recover(); v != nil {
			// It goes on in next, where the stack would not be known.
			panic(fmt.Sprintf("%v\n\n%s", v, debug.Stack()))
		}
		if r.busy { // by Goexit, which waits here until it is let go on
			r.loop.exit()
			unlockThread()
			yield(struct{}{})
		}
	}()
	r.loop.goroutine.adopt()
	for yield(struct{}{}) {
		r.fn()
		r.busy = false
		unlockThread()
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
