package bufpool

import "sync/atomic"

const (
	// MaxCached is the largest capacity, in bytes, that a Cache keeps.
	MaxCached = 4 * Large

	// cached is how many buffers a Cache keeps, 8 MiB at most. More, and loops keep
	// more memory; fewer, and they need the pool's atomic operations more often.
	cached = 32
)

// Cache is one goroutine's part of a pool. It gives buffers out and takes them back
// without an atomic operation. In the debug build everything goes through the pool.
type Cache struct {
	pool *Pool
	idle []*Buffer
	told atomic.Int64 // len(idle) as of Settle
}

// Cache makes another cache of p's buffers. The pool counts the buffers in it as
// being back.
func (p *Pool) Cache() *Cache {
	c := &Cache{pool: p, idle: make([]*Buffer, 0, cached)}
	p.mu.Lock()
	p.caches = append(p.caches, c)
	p.mu.Unlock()
	return c
}

// Get returns an empty buffer, the caller's until it is put back, here or into
// the pool.
func (c *Cache) Get() *Buffer {
	n := len(c.idle)
	if n == 0 {
		return c.pool.Get()
	}
	b := c.idle[n-1]
	c.idle[n-1] = nil
	c.idle = c.idle[:n-1]
	b.B = b.B[:0]
	return b
}

// Put takes b back, which may have come from the pool or another of its caches.
func (c *Cache) Put(b *Buffer) {
	if debugBuild || len(c.idle) == cached || cap(b.B) > MaxCached {
		c.pool.Put(b)
		return
	}
	c.idle = append(c.idle, b)
}

// Settle tells the pool how many buffers are in the cache. Until then Out may count
// them as being out.
func (c *Cache) Settle() {
	if n := int64(len(c.idle)); n != c.told.Load() {
		c.told.Store(n)
	}
}

// Clear gives all buffers of the cache to the pool.
func (c *Cache) Clear() {
	for i, b := range c.idle {
		c.idle[i] = nil
		c.pool.Put(b)
	}
	c.idle = c.idle[:0]
	c.Settle()
}
