package memconn

import (
	"sync/atomic"

	"github.com/packetmq/packetmq/engine"
)

// lane carries buffers one way, from one goroutine to one other, without a
// lock. The package's documentation says why it is no Go channel. Both ends
// being on one loop is the common case, and costs no more.
type lane struct {
	head atomic.Uint32 // buffers popped; the reader's to change
	seen uint32        // the reader's alone: of tail, when it last looked

	_ [56]byte // the two sides write to cache lines of their own

	tail atomic.Uint32 // buffers pushed; the writer's to change

	// The writer's alone: how long the buffers were, for a buffer is not its
	// to look at once pushed.
	lengths [Slots]int32
	settled uint32 // of head, how far bytes is told
	bytes   int    // not popped yet, when last looked at

	slots [Slots]*engine.Buffer
}

// push hands b over if there is room. Only the writer may call it.
func (l *lane) push(b *engine.Buffer) bool {
	tail := l.tail.Load()
	if !l.room(tail) {
		return false
	}
	n := len(b.B)
	l.lengths[tail%Slots] = int32(n)
	l.bytes += n
	l.slots[tail%Slots] = b
	l.tail.Store(tail + 1) // b is the reader's
	return true
}

// room reports whether a slot is free and no more than Window waits. It looks at
// what the reader has done only if there was no room when it last looked: the
// counter then stays in the reader's cache.
func (l *lane) room(tail uint32) bool {
	if tail-l.settled < Slots && l.bytes <= Window {
		return true
	}
	head := l.head.Load()
	for ; l.settled != head; l.settled++ {
		l.bytes -= int(l.lengths[l.settled%Slots])
	}
	return tail-head < Slots && l.bytes <= Window
}

// pop takes the oldest buffer, or nil. Only the reader may call it.
func (l *lane) pop() *engine.Buffer {
	head := l.head.Load()
	if head == l.seen {
		if l.seen = l.tail.Load(); head == l.seen {
			return nil
		}
	}
	b := l.slots[head%Slots]
	l.slots[head%Slots] = nil
	l.head.Store(head + 1) // the slot is the writer's
	return b
}

// empty reports whether there was nothing to pop. Any goroutine may call it.
func (l *lane) empty() bool { return l.head.Load() == l.tail.Load() }
