// Package bufpool is a pool of byte buffers with a bound on what it keeps
// and a count of what it has given out.
//
// A buffer has one owner at a time. Whoever holds it last puts it back into
// the pool it came from, once. Built with the tag packetmq_debug, a pool sees
// to that: it panics when a buffer comes back twice, to the wrong pool, or is
// used after it came back, and Leaks lists who took the ones that are out.
package bufpool

import (
	"sync"
	"sync/atomic"

	"github.com/valyala/bytebufferpool"
)

// Buffer is a pooled buffer; its bytes are in B.
type Buffer = bytebufferpool.ByteBuffer

// MaxKept is the largest capacity, in bytes, that goes back into a pool.
// One burst of large packets must not pin large buffers for good.
const MaxKept = 256 << 10

// Large is the size, in bytes, from which on buffers are kept apart.
const Large = 64 << 10

// Pool hands out buffers. The zero value is ready. Any goroutine may use it.
type Pool struct {
	// Fresh has the pool keep none: every buffer is new, or comes from the
	// caller's own Cache. How much one holds depends on who had it before, and so
	// does where output is cut into pieces: what is to replay identically needs
	// this. It is set before the first Get.
	Fresh bool

	ledger ledger // empty but in the debug build; first, where that costs nothing

	// A bytebufferpool counts in plain 64-bit words, atomically. Processors of 32
	// bits want those at multiples of 8 bytes, which only the types of sync/atomic
	// ask for by themselves.
	_     [0]atomic.Int64
	pool  bytebufferpool.Pool
	large sync.Pool // of those that hold Large or more, however full they come back
	out   atomic.Int64

	mu     sync.Mutex
	caches []*Cache
}

// Get returns an empty buffer, the caller's until Put.
func (p *Pool) Get() *Buffer {
	p.out.Add(1)
	if debugBuild {
		return p.ledger.get()
	}
	if p.Fresh {
		return new(Buffer)
	}
	return p.pool.Get()
}

// GetLarge is Get for a buffer that will hold as many as Large bytes.
func (p *Pool) GetLarge() *Buffer {
	p.out.Add(1)
	if debugBuild {
		return p.ledger.get()
	}
	if p.Fresh {
		return &Buffer{B: make([]byte, 0, Large)}
	}
	if b, ok := p.large.Get().(*Buffer); ok {
		return b
	}
	return &Buffer{B: make([]byte, 0, Large)}
}

// Put takes b back; b and every slice of it are dead for the caller.
//
// The buffer must not be emptied first: the pool learns the usual size from
// the length it comes back with.
func (p *Pool) Put(b *Buffer) {
	p.out.Add(-1)
	if debugBuild {
		p.ledger.put(b)
		return
	}
	if p.Fresh || cap(b.B) > MaxKept {
		return
	}
	if cap(b.B) >= Large {
		b.B = b.B[:0]
		p.large.Put(b)
		return
	}
	p.pool.Put(b)
}

// Out is the number of buffers given out and not yet back. What rests in a
// Cache is back as of its last Settle.
func (p *Pool) Out() int64 {
	n := p.out.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.caches {
		n -= c.told.Load()
	}
	return n
}
