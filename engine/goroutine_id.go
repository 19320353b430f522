package engine

// Which goroutine a loop is on, so that calls which would wait for themselves are refused.

import (
	"bytes"
	"runtime"
	"strconv"
	"sync/atomic"
)

// goroutine is the goroutine that a loop's callbacks run on; zero: none does. Any goroutine
// may read it.
type goroutine struct {
	id      atomic.Uint64
	pointer atomic.Uintptr // as goroutinePointer has it
}

// adopt makes it the calling one.
func (g *goroutine) adopt() {
	g.id.Store(goid())
	g.pointer.Store(goroutinePointer())
}

// disown takes adopt back.
func (g *goroutine) disown() {
	g.pointer.Store(0)
	g.id.Store(0)
}

// isCalling reports whether it is the calling one. It takes nanoseconds to say no, which it
// mostly does, and microseconds to say yes: the pointer of a goroutine that has ended may
// have become that of another one, and the number may not.
func (g *goroutine) isCalling() bool {
	return g.pointer.Load() == goroutinePointer() && g.id.Load() == goid()
}

// goid returns the number of the calling goroutine, from the first line of its
// stack: "goroutine 18 [running]:". The runtime walks all of the stack for that, which
// takes microseconds, and more where the stack is deep.
func goid() uint64 {
	var buf [48]byte
	b := buf[len("goroutine "):runtime.Stack(buf[:], false)]
	if i := bytes.IndexByte(b, ' '); i > 0 {
		b = b[:i]
	}
	id, _ := strconv.ParseUint(string(b), 10, 64)
	return id
}
