package peer

// The two ends of a conn in memory, which know each other.

// pair has the two ends know each other, before they are opened.
func pair(near, far *Conn) { near.makeRare().otherEnd, far.makeRare().otherEnd = far, near }

// otherEnd returns the conn at the other end of a conn in memory, or nil for other conns.
func (c *Conn) otherEnd() *Conn {
	if e := c.rare.Load(); e != nil {
		return e.otherEnd
	}
	return nil
}
