package memconn

import (
	"sync/atomic"

	"github.com/packetmq/packetmq/engine"
)

// lane carries buffers one way, from one goroutine to one other, without a
// lock: a Go channel of the same length takes four times as long for a buffer.
type lane struct {
	tail uint32 // buffers pushed; the writer's to change
	head uint32 // buffers popped; the reader's to change

	// near is that both ends are on one goroutine, as is common, and need no
	// atomic stores: they are a quarter of what a buffer costs. It is set on
	// that goroutine.
	near bool

	// The writer's alone: how long the buffers were, for a buffer is not its
	// to look at once pushed.
	lengths [Slots]int32
	settled uint32 // of head, how far bytes is told
	bytes   int    // not popped yet, when last looked at

	slots [Slots]*engine.Buffer
}

// push hands b over if there is room. Only the writer may call it.
func (l *lane) push(b *engine.Buffer) bool {
	tail := atomic.LoadUint32(&l.tail)
	if !l.room(tail) {
		return false
	}
	n := len(b.B)
	l.lengths[tail%Slots] = int32(n)
	l.bytes += n
	l.slots[tail%Slots] = b
	l.move(&l.tail) // b is the reader's
	return true
}

// room reports whether a slot is free and no more than Window waits.
func (l *lane) room(tail uint32) bool {
	head := atomic.LoadUint32(&l.head)
	for ; l.settled != head; l.settled++ {
		l.bytes -= int(l.lengths[l.settled%Slots])
	}
	return tail-head < Slots && l.bytes <= Window
}

// pop takes the oldest buffer, or nil. Only the reader may call it.
func (l *lane) pop() *engine.Buffer {
	head := atomic.LoadUint32(&l.head)
	if head == atomic.LoadUint32(&l.tail) {
		return nil
	}
	b := l.slots[head%Slots]
	l.slots[head%Slots] = nil
	l.move(&l.head) // the slot is the writer's
	return b
}

// move moves one of the caller's own ends on.
func (l *lane) move(end *uint32) {
	if l.near {
		*end++
		return
	}
	atomic.StoreUint32(end, *end+1)
}

// empty reports whether there was nothing to pop. Only the reader may call it.
func (l *lane) empty() bool { return atomic.LoadUint32(&l.head) == atomic.LoadUint32(&l.tail) }
