package peer

// What an operator wants to know of a conn, and of how full the peer is.

import "iter"

// Transport names what the conn runs over: "tls", or the network of its address, such as
// "tcp", "unix", "mem" or "pipe". It is empty for a conn that never had an address.
func (c *Conn) Transport() string {
	if c.check() != nil {
		return ""
	}
	if c.TLS() != nil {
		return "tls"
	}
	if a := c.link.RemoteAddr(); a != nil {
		return a.Network()
	}
	return ""
}

// Unread is how many bytes of input are in memory that no handler has seen yet: a frame whose
// rest has not come, what waits for a share of a turn, for a Decide or for the end of a pause.
// Of a frame whose rest has not come it is the memory. What a transport of Config.Wrap or of
// a pair in memory keeps is not in it. On the conn's loop only.
func (c *Conn) Unread() (bytes int) {
	if c.check() != nil || c.link.Loop() == nil {
		return 0
	}
	c.mustBeOnLoop("Conn.Unread")
	if c.partialFrame != nil {
		bytes = c.partialFrame.Held()
	}
	if rare := c.rare.Load(); rare != nil {
		bytes += len(rare.keptInput)
	}
	return bytes + c.link.Unread()
}

// Paused reports whether the conn is not read, by PauseRead or because too much of
// OffloadInOrder waits.
func (c *Conn) Paused() bool { return c != nil && c.isPaused() }

// AllConns goes through the conns that are open, those whose handshake is not complete and
// those that are at their end among them, in no order, as they were when it began.
func (p *Peer) AllConns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		if p.check() != nil {
			return
		}
		p.mu.Lock()
		conns := p.conns.all()
		p.mu.Unlock()
		for _, c := range conns {
			if !yield(c) {
				return
			}
		}
	}
}
