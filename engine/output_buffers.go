package engine

// The pooled buffers that output lies in, from the callback that writes it to the
// transport that sends it.

import (
	"sync"

	"github.com/packetmq/packetmq/internal/bufpool"
)

// Buffer is a pooled byte buffer with one owner at a time; its bytes are in B.
type Buffer = bufpool.Buffer

// Scratch hands out Buffers that are back when the function that took them returns, apart
// from those in which output waits. Any goroutine may use it.
type Scratch = bufpool.Scratch

// Pool hands out Buffers and counts those that are out. The zero value is ready. Any
// goroutine may use it.
type Pool struct {
	pool   bufpool.Pool
	chunks sync.Pool // *chunks of queues
}

// Get returns an empty buffer, the caller's until Put.
func (p *Pool) Get() *Buffer { return p.pool.Get() }

// getLarge is Get for a buffer that will hold as many as bufpool.Large bytes.
func (p *Pool) getLarge() *Buffer { return p.pool.GetLarge() }

// Put takes b back; b and every slice of it are dead for the caller. The buffer must
// not be emptied first: the pool learns the usual size from the length that it comes
// back with.
func (p *Pool) Put(b *Buffer) { p.pool.Put(b) }

// Out is the number of buffers that were given out and have not come back. It is
// for statistics and for tests that no buffer is lost.
func (p *Pool) Out() int64 { return p.pool.Out() }

// getChunks returns empty chunks, the caller's until putChunks.
func (p *Pool) getChunks() *chunks {
	c, ok := p.chunks.Get().(*chunks)
	if !ok {
		c = new(chunks)
	}
	c.list = c.inline[:0]
	return c
}

// putChunks takes c back, which is empty.
func (p *Pool) putChunks(c *chunks) {
	*c = chunks{}
	p.chunks.Put(c)
}

// cache makes another cache of p's buffers.
func (p *Pool) cache() *Cache { return (*Cache)(p.pool.Cache()) }

// Cache is a loop's share of the reactor's pool: its buffers are given out and come
// back without an atomic operation. On the loop only.
type Cache bufpool.Cache

// Get returns an empty buffer, the caller's until it is put back, here or into the
// pool.
func (c *Cache) Get() *Buffer { return (*bufpool.Cache)(c).Get() }

// Put takes b back, which may have come from the pool or from another of its caches.
func (c *Cache) Put(b *Buffer) { (*bufpool.Cache)(c).Put(b) }

// settle tells the pool how many buffers rest here, for Pool.Out.
func (c *Cache) settle() { (*bufpool.Cache)(c).Settle() }

// clear gives all that rests here to the pool.
func (c *Cache) clear() { (*bufpool.Cache)(c).Clear() }
