package engine

// The conns of a loop, from when they are opened to when they are removed.

// openConns are all conns of a loop that are open, each at its Conn.slot. Loop only.
type openConns []*Conn

// add puts c in.
func (q *openConns) add(c *Conn) {
	c.slot = int32(len(*q))
	*q = append(*q, c)
}

// remove takes c out, which is in. The last one takes its place.
func (q *openConns) remove(c *Conn) {
	last := len(*q) - 1
	moved := (*q)[last]
	(*q)[c.slot], moved.slot = moved, c.slot
	(*q)[last] = nil
	*q = (*q)[:last]
}

// last is the one that was put in last, or nil.
func (q openConns) last() *Conn {
	if len(q) == 0 {
		return nil
	}
	return q[len(q)-1]
}
