//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// The goroutine that callbacks run on, beside the one of gnet's event loop, so that a
// Goexit in a callback does not end gnet's.

import (
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
)

// callbackCoroutine runs a loop's callbacks, one at a time, on a goroutine that is not
// gnet's. runtime.Goexit in a callback ends the goroutine that it is called on. gnet's
// must not end, because no other one can go on with its polling. This one can be replaced.
//
// The two are coroutines: gnet's goroutine waits while the other one runs, so to gnet they
// are one. A switch takes a tenth of the time that a channel would.
type callbackCoroutine struct {
	loop *Loop
	fn   func()
	busy bool // fn has not returned
	next func() (struct{}, bool)
	stop func() // ends the goroutine
}

// newCallbackCoroutine is for calls of fn, which enters and exits the loop. It must be
// called on gnet's goroutine, like run: the runtime requires a coroutine to be resumed
// with the thread locks of the goroutine that made it, and a goroutine of the program's
// may have some.
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
		go r.stop() // on another goroutine, because stop passes the Goexit on to its caller
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
