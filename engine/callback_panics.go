package engine

// How the engine calls the program's code. A callback that panics or calls
// runtime.Goexit ends the conn that it was called for, and nothing else. Conn.Received,
// where a call counts, has the guard written out by hand.

import (
	"log/slog"
	"runtime/debug"

	"github.com/packetmq/packetmq/internal/guard"
)

// call calls fn, a callback of c. After a panic or a Goexit c ends. The Goexit ends the
// goroutine all the same, so what must be done after call is deferred before it.
func (c *Conn) call(fn func()) { guard.Call(fn, c.callFailed) }

// callFailed ends c for a panic with v in a callback of it, or for a Goexit if v is nil. A
// handler that is a Failer has the last word before that.
func (c *Conn) callFailed(v any) {
	if c.state == open {
		if f, ok := c.handler.(Failer); ok {
			c.tellFailer(f, v)
			return
		}
	}
	err := c.loop.r.logFailure(v)
	if !c.isEnding() {
		c.endNow(err)
	}
}

// call calls fn, which ends no conn: a posted function, a timer's, or what a handler is told
// of a conn that has ended.
func (r *Reactor) call(fn func()) {
	guard.Call(fn, func(v any) { r.logFailure(v) })
}

// logFailure logs a panic with v, or a Goexit if v is nil, and returns it as an error.
func (r *Reactor) logFailure(v any) error {
	stack := debug.Stack()
	if v == nil {
		r.log(slog.LevelError, "callback called runtime.Goexit", "stack", string(stack))
		return ErrGoexit
	}
	r.log(slog.LevelError, "callback panicked", "panic", v, "stack", string(stack))
	return &PanicError{v, stack}
}

// tellFailer calls f, for a failure of another method of the same handler. It ends the
// conn, also when f does not return.
func (c *Conn) tellFailer(f Failer, v any) {
	var err error
	if v != nil {
		err = &PanicError{v, debug.Stack()} // f logs it
	} else {
		err = c.loop.r.logFailure(nil)
	}
	defer func() {
		if !c.isEnding() {
			c.endNow(err)
		}
	}()
	c.loop.r.call(func() { f.Failed(c, err) })
}
