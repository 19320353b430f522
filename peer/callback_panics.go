package peer

// How the program's code is called where the engine's own guard would not know which conn
// it is for, or where there is no engine around it: it may panic or call runtime.Goexit.

import (
	"runtime/debug"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/guard"
)

// callProgram calls fn. A panic or a Goexit in it ends this conn and nothing else.
func (c *Conn) callProgram(fn func()) { guard.Call(fn, c.programFailed) }

// programFailed ends the conn because of a panic with v, or a Goexit if v is nil.
func (c *Conn) programFailed(v any) {
	if v == nil { // the engine logs where it was called
		c.fault(ReasonHandler, engine.ErrGoexit)
		return
	}
	(*engineHandler)(c).Failed(nil, failure(v))
}

// failure is the error for a panic with v, or for a Goexit if v is nil.
func failure(v any) error {
	if v == nil {
		return engine.ErrGoexit
	}
	return &engine.PanicError{Value: v, Stack: debug.Stack()}
}
