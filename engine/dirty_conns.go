package engine

// The conns that have output to be flushed: at the end of a callback, or of several
// while output is batched.

// dirtyConns are the conns of a loop that have output which was not flushed yet. They
// are flushed at the end of the callback that wrote it, or of several while output is
// batched. Loop only.
type dirtyConns []*Conn

// markDirty has the conn flushed at the end of the callback.
func (c *Conn) markDirty() {
	if !c.flags.has(inDirty) {
		c.flags.set(inDirty)
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// flush flushes them, those too that become dirty meanwhile.
func (q *dirtyConns) flush() {
	for i := 0; i < len(*q); i++ {
		c := (*q)[i]
		(*q)[i] = nil
		if c != nil { // else it was flushed, before a Goexit
			c.flush()
		}
	}
	*q = (*q)[:0]
}
