package memconn

// The ring that carries buffers from one end of a pair to the other. The package's
// documentation says why it is no Go channel.

import (
	"sync/atomic"

	"github.com/packetmq/packetmq/engine"
)

// bufferRing carries buffers one way, from one goroutine to one other, without a
// lock. Usually both ends are on one loop; that costs no more.
type bufferRing struct {
	// Written by the reader.
	popped atomic.Uint32 // buffers that were popped
	seen   uint32        // pushed, when the reader last looked

	_ [56]byte // reader and writer each write to a cache line of their own

	// Written by the writer.
	pushed  atomic.Uint32 // buffers that were pushed
	lengths [Slots]int32  // of the buffers: the writer may not look at one once it is pushed
	settled uint32        // popped, as far as bytes has been told
	bytes   int           // in buffers that were not popped when the writer last looked

	// A slot is the writer's until it is pushed, then the reader's until it is popped.
	slots [Slots]*engine.Buffer
}

// push hands b over if there is room. Only the writer may call it.
func (r *bufferRing) push(b *engine.Buffer) bool {
	pushed := r.pushed.Load()
	if !r.makeRoom(pushed) {
		return false
	}
	n := len(b.B)
	r.lengths[pushed%Slots] = int32(n)
	r.bytes += n
	r.slots[pushed%Slots] = b
	r.pushed.Store(pushed + 1) // from here on b is the reader's
	return true
}

// makeRoom reports whether a slot is free and no more than Window bytes wait. It
// reads the reader's counter only if there was no room at the last look, so that
// the counter stays in the reader's cache.
func (r *bufferRing) makeRoom(pushed uint32) bool {
	if pushed-r.settled < Slots && r.bytes <= Window {
		return true
	}
	popped := r.popped.Load()
	for ; r.settled != popped; r.settled++ {
		r.bytes -= int(r.lengths[r.settled%Slots])
	}
	return pushed-popped < Slots && r.bytes <= Window
}

// pop takes the oldest buffer; nil if there is none. Only the reader may call it.
func (r *bufferRing) pop() *engine.Buffer {
	popped := r.popped.Load()
	if popped == r.seen {
		if r.seen = r.pushed.Load(); popped == r.seen {
			return nil
		}
	}
	b := r.slots[popped%Slots]
	r.slots[popped%Slots] = nil
	r.popped.Store(popped + 1) // from here on the slot is the writer's
	return b
}

// isEmpty reports whether there is nothing to pop. Any goroutine may call it; for
// one that is neither reader nor writer the answer may be old.
func (r *bufferRing) isEmpty() bool { return r.popped.Load() == r.pushed.Load() }
