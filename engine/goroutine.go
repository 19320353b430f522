package engine

// The goroutine that a loop is on: which one it is, so that calls which would wait for
// themselves are refused, and where it is, for reports.

import (
	"bytes"
	"fmt"
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

// callOnNew calls fn on a new goroutine, which is the loop's until fn has returned, and waits
// for that. After a Goexit in fn it calls fn again, on another one. The loop has no goroutine
// when it is called.
func (g *goroutine) callOnNew(fn func()) {
	for done := false; !done; {
		left := make(chan struct{})
		go func() {
			defer close(left)
			g.adopt()
			defer g.disown()
			fn()
			done = true
		}()
		<-left
	}
}

// isCalling reports whether it is the calling one. It takes nanoseconds to say no, which it
// mostly does, and microseconds to say yes: the pointer of a goroutine that has ended may
// have become that of another one, and the number may not.
func (g *goroutine) isCalling() bool {
	return g.pointer.Load() == goroutinePointer() && g.id.Load() == goid()
}

// stack is where the goroutine is, as the runtime prints it, or nil when there is none.
func (g *goroutine) stack() []byte {
	prefix := fmt.Appendf(nil, "goroutine %d ", g.id.Load())
	for n := 64 << 10; ; n *= 2 {
		buf := make([]byte, n)
		if used := runtime.Stack(buf, true); used < n || n >= 64<<20 {
			for _, g := range bytes.Split(buf[:used], []byte("\n\n")) {
				if bytes.HasPrefix(g, prefix) {
					return bytes.Clone(g)
				}
			}
			return nil
		}
	}
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
