package engine

import (
	"log/slog"
	"runtime/debug"
)

// run calls fn, and goes on if it panics.
func (l *Loop) run(fn func()) {
	returned := false
	defer l.caught(nil, &returned)
	fn()
	returned = true
}

// caught is deferred around every callback: a panic or a Goexit ends the conn it
// happened on and nothing else. A callback that has neither returned nor
// panicked has called Goexit.
func (l *Loop) caught(c *Conn, returned *bool) {
	if !*returned {
		l.failed(c, recover())
	}
}

// failed ends what was called, for a panic, or for a Goexit if v is nil.
func (l *Loop) failed(c *Conn, v any) {
	if c != nil && c.phase == open {
		if f, ok := c.handler.(Failer); ok {
			c.failed(f, v)
			return
		}
	}
	err := l.mishap(v)
	if c != nil && !c.ending() {
		c.kill(err)
	}
}

// mishap logs a panic with v, or a Goexit if that is nil, and returns it.
func (l *Loop) mishap(v any) error {
	stack := debug.Stack()
	if v == nil {
		l.r.log(slog.LevelError, "callback called runtime.Goexit", "stack", string(stack))
		return ErrGoexit
	}
	l.r.log(slog.LevelError, "callback panicked", "panic", v, "stack", string(stack))
	return &PanicError{v, stack}
}

// failed lets the handler say a last word. Should that fail too, the conn ends
// all the same.
func (c *Conn) failed(f Failer, v any) {
	var err error
	if v != nil {
		err = &PanicError{v, debug.Stack()}
	} else {
		err = c.loop.mishap(nil)
	}
	defer func() {
		if !c.ending() {
			c.kill(err)
		}
	}()
	returned := false
	defer c.loop.caught(nil, &returned)
	f.Failed(c, err)
	returned = true
}
