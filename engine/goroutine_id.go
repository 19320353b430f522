package engine

// Which goroutine a loop is on, so that calls which would wait for themselves are refused.

import (
	"bytes"
	"runtime"
	"strconv"
	"sync/atomic"
)

// goroutine is the goroutine that a loop's callbacks run on; 0: none does. Any goroutine
// may read it.
type goroutine struct{ id atomic.Uint64 }

// adopt makes it the calling one.
func (g *goroutine) adopt() { g.id.Store(goid()) }

// disown takes adopt back.
func (g *goroutine) disown() { g.id.Store(0) }

// isCalling reports whether it is the calling one. It takes about a microsecond.
func (g *goroutine) isCalling() bool { return g.id.Load() == goid() }

// goid returns the number of the calling goroutine, from the first line of its
// stack: "goroutine 18 [running]:". It takes about a microsecond, so only calls
// that may wait for a loop use it, to see that they are not on that loop.
func goid() uint64 {
	var buf [48]byte
	b := buf[len("goroutine "):runtime.Stack(buf[:], false)]
	if i := bytes.IndexByte(b, ' '); i > 0 {
		b = b[:i]
	}
	id, _ := strconv.ParseUint(string(b), 10, 64)
	return id
}
