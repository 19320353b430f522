package peer

// The two ends of a conn in memory know each other.

// pair has the two ends of a conn in memory know each other. They are not open
// yet.
func pair(near, far *Conn) { near.makeRare().otherEnd, far.makeRare().otherEnd = far, near }

// otherEnd is the conn at the other end, nil unless this one is in memory.
func (c *Conn) otherEnd() *Conn {
	if e := c.rare.Load(); e != nil {
		return e.otherEnd
	}
	return nil
}
