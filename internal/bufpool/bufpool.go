// Package bufpool is a pool of byte buffers with a bound on what it keeps
// and a count of what it has given out.
//
// A buffer has one owner at a time. Its last owner puts it back into the pool it
// came from, once. In the debug build (tag packetmq_debug) a pool checks that: it
// panics when a buffer comes back twice, comes back to the wrong pool, or was used
// after it came back. Leaks lists who took the buffers that are out.
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

// Large is the capacity, in bytes, from which buffers are pooled apart from small
// ones, so that a few of them do not make all small ones large.
const Large = 64 << 10

// Pool hands out buffers. The zero value is ready. Any goroutine may use it.
type Pool struct {
	// Fresh makes the pool keep no buffers: each one is new, or comes from the
	// caller's own Cache. The capacity of a pooled buffer depends on who had it
	// before, and so does where output is cut into pieces, so runs that must replay
	// identically need this. It is set before the first Get.
	Fresh bool

	ledger ledger // empty except in the debug build; at the start an empty field takes no space

	// A bytebufferpool counts in plain 64-bit words, atomically. On processors of 32
	// bits these must lie at multiples of 8 bytes. Only a field whose type is of
	// sync/atomic is aligned so by the compiler, and what follows it.
	_     [0]atomic.Int64
	pool  bytebufferpool.Pool
	large sync.Pool // buffers with a capacity of Large or more
	out   atomic.Int64

	mu     sync.Mutex // guards caches
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

// GetLarge is Get for a buffer that has room for Large bytes.
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

// Put takes b back. The caller may use neither b nor a slice of it any more.
//
// The caller must not empty the buffer first: the pool learns the usual size from
// the length.
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

// Out is the number of buffers that were given out and have not come back. Those
// in a Cache count as back from its next Settle on.
func (p *Pool) Out() int64 {
	n := p.out.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.caches {
		n -= c.told.Load()
	}
	return n
}
