package peer

// The two ends of a conn in memory know each other.

// pair has the two ends of a conn in memory know each other. They are not open
// yet.
func pair(near, far *Conn) { near.more().mate, far.more().mate = far, near }

// mate is the conn at the other end, nil unless this one is in memory.
func (c *Conn) mate() *Conn {
	if e := c.extra.Load(); e != nil {
		return e.mate
	}
	return nil
}
