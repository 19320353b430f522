package peer

// What sends have accepted and what never left this process.

import "github.com/packetmq/packetmq/engine"

// Unsent is what sends have accepted and what has not left this process, in packets, whole
// or in part, and bytes: it never got to the socket. It is known when OnLost is called, and
// 0 before. When the conversation is ended in order, by a softquit or a Fault, that is what
// waits when it ends; it may still leave, and what did not is known when the State is
// Disconnected. A send is at most once: what did leave may not have arrived. Packets that a
// transport of Config.Wrap keeps count in bytes alone. Any goroutine may call it.
func (c *Conn) Unsent() (packets, bytes int) {
	if c == nil {
		return 0, 0
	}
	rare := c.rare.Load()
	if rare == nil {
		return 0, 0
	}
	u := rare.unsent.Load()
	if u == nil {
		return 0, 0
	}
	return u.Messages, u.Bytes
}

// noteUnsent keeps u for Unsent.
func (c *Conn) noteUnsent(u engine.Unsent) {
	if rare := c.rare.Load(); u.Bytes > 0 || rare != nil && rare.unsent.Load() != nil {
		c.makeRare().unsent.Store(&u)
	}
}
