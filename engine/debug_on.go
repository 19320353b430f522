//go:build packetmq_debug

package engine

// The checks of the debug build.

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"github.com/packetmq/packetmq/internal/bufpool"
	"github.com/packetmq/packetmq/internal/loopcheck"
)

const debugBuild = true

// lend copies bytes for a callback, so that poison can follow: the original is
// read again where the callback did not take all of it.
func lend(b []byte) []byte { return bytes.Clone(b) }

func poison(b []byte) { bufpool.Overwrite(b) }

func init() {
	loopcheck.MustBeHere = func(l any, call string) { l.(*Loop).mustBeHere(call) }
}

func (l *Loop) mustBeHere(call string) {
	if l == nil { // of a conn that nobody has opened
		return
	}
	if l.Here() {
		return
	}
	panic(fmt.Sprintf("engine: %s was not called on the loop, loop %d\n\nthe caller:\n%s\n\nthe loop%s",
		call, l.index, debug.Stack(), l.goroutine.whereabouts()))
}

// whereabouts says where the loop's goroutine is.
func (g *goroutine) whereabouts() string {
	id := g.id.Load()
	if id == 0 {
		return " is on no goroutine now."
	}
	stack := bytes.TrimSpace(g.stack())
	switch {
	case len(stack) == 0:
		return fmt.Sprintf(" was on goroutine %d, which has ended.", id)
	case bytes.Contains(stack, []byte("engine.(*Reactor).park(")):
		return fmt.Sprintf(" is parked, since the reactor is stopped:\n%s", stack)
	}
	return fmt.Sprintf(":\n%s", stack)
}
