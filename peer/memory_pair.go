package peer

import "github.com/packetmq/packetmq/codec"

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

// adapts reports whether this side takes over the other's ids. That is the
// registry's policy. The two ends of a pair in memory may have one registry
// between them, though, whose policy would be that of both: then the client
// adapts.
func (c *Conn) adapts() bool {
	if m := c.mate(); m != nil && m.peer.reg == c.peer.reg {
		return c.peer.client
	}
	return c.peer.reg.Adapts()
}

// setPolicy has the payload of handshake_pubids that begins at start say that
// its side adapts, or does not.
func setPolicy(b []byte, start int, adapts bool) {
	at := start + 1 + 1 + len(keyAdapt) // after the headers of the map and of the key
	codec.AppendBool(b[:at], adapts)
}
