//go:build packetmq_debug

package bufpool

import (
	"bytes"
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

const debugBuild = true

// Poison is what the bytes of a buffer are set to when it comes back.
const Poison = 0xdb

// maxIdle is how many buffers a pool holds on to: the longer one rests, the
// more likely it is that a late use of it is seen.
const maxIdle = 64

// ledger is a pool of its own, in place of the fast one: it knows every buffer
// that is out, and who took it, and gives them out again in the order in which
// they came back.
type ledger struct {
	mu    sync.Mutex
	taken uint64
	out   map[*Buffer]*entry
	idle  []*entry // oldest first
}

// entry is what is known of one buffer.
type entry struct {
	b    *Buffer
	seq  uint64
	got  stack // who took it
	back stack // who put it back
	mem  []byte
}

func (l *ledger) get() *Buffer {
	e := &entry{b: new(Buffer), got: here()}
	l.mu.Lock()
	var old *entry
	if len(l.idle) > 0 {
		old = l.oldest()
		e.b = old.b
	}
	l.taken++
	e.seq = l.taken
	if l.out == nil {
		l.out = make(map[*Buffer]*entry)
	}
	l.out[e.b] = e
	l.mu.Unlock()
	if old != nil {
		old.verify()
	}
	return e.b
}

func (l *ledger) put(b *Buffer) {
	back := here()
	l.mu.Lock()
	e := l.out[b]
	if e == nil {
		defer l.mu.Unlock()
		panic(l.stranger(b, back))
	}
	delete(l.out, b)
	l.mu.Unlock()

	e.back = back
	e.mem = b.B[:cap(b.B)]
	Overwrite(e.mem)
	b.B = b.B[:0]
	if cap(b.B) > MaxKept {
		return
	}
	l.mu.Lock()
	l.idle = append(l.idle, e)
	var old *entry
	if len(l.idle) > maxIdle {
		old = l.oldest()
	}
	l.mu.Unlock()
	if old != nil {
		old.verify()
	}
}

// oldest takes the buffer out that rests longest. l.mu is held.
func (l *ledger) oldest() *entry {
	e := l.idle[0]
	l.idle[0] = nil
	l.idle = l.idle[1:]
	return e
}

// stranger says what is wrong with a buffer that is not out.
func (l *ledger) stranger(b *Buffer, back stack) string {
	for _, e := range l.idle {
		if e.b == b {
			return fmt.Sprintf("bufpool: a buffer was put back twice\n\nnow by:\n%v\nbefore by:\n%v\ntaken by:\n%v", back, e.back, e.got)
		}
	}
	return fmt.Sprintf("bufpool: a buffer was put back that is not out: it is of another pool, or was put back before\n\nby:\n%v", back)
}

// verify panics if the buffer is not as it came back.
func (e *entry) verify() {
	what := ""
	switch b := e.b.B; {
	case len(b) != 0:
		what = fmt.Sprintf("its length is %d", len(b))
	case cap(b) != cap(e.mem) || unsafe.SliceData(b) != unsafe.SliceData(e.mem):
		what = "its bytes are others"
	}
	if !poisoned(e.mem) {
		i := slices.IndexFunc(e.mem, func(c byte) bool { return c != Poison })
		what = fmt.Sprintf("byte %d of %d is %#02x", i, len(e.mem), e.mem[i])
	}
	if what != "" {
		panic(fmt.Sprintf("bufpool: a buffer was used after it was put back: %s\n\nput back by:\n%v\ntaken by:\n%v", what, e.back, e.got))
	}
}

// Overwrite sets b to Poison. Like poisoned, it moves whole blocks: buffers can be
// large, and there are many.
func Overwrite(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = Poison
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

func poisoned(b []byte) bool {
	return len(b) == 0 || b[0] == Poison && bytes.Equal(b[1:], b[:len(b)-1])
}

// Leaks lists the buffers that are out, oldest first, each with the stack of
// the Get that took it. Only the debug build has it.
func (p *Pool) Leaks() []string {
	l := &p.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := make([]*entry, 0, len(l.out))
	for _, e := range l.out {
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
	leaks := make([]string, len(entries))
	for i, e := range entries {
		leaks[i] = fmt.Sprintf("buffer %d, taken by:\n%v", e.seq, e.got)
	}
	return leaks
}

// stack is who called a pool, innermost first.
type stack []uintptr

// here is the stack of the caller of Get or Put.
func here() stack {
	pcs := make([]uintptr, 32)
	return pcs[:runtime.Callers(4, pcs)] // not Callers, here, get and Get
}

func (s stack) String() string {
	var b strings.Builder
	frames := runtime.CallersFrames(s)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return b.String()
		}
	}
}
