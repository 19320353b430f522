package peer

import (
	"encoding/binary"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// express is receive for the usual packet: its frame lies whole in b, the conn
// is active, and nobody but the packet's handler wants to see it. It handles as
// many of these as stand at the front of b, max and a share at most, and returns
// the bytes they took and how many they were. What it leaves, frame handles; the two do
// the same, but asking for each packet what holds for all of a burst costs more
// than a plain handler does.
func (c *Conn) express(b []byte, max int) (n, packets int) {
	p := c.peer
	if !c.made || p.cfg.EncodedIn != nil || c.shaking || c.reader != nil {
		return 0, 0
	}
	limit := uint32(p.cfg.MaxFrame)
	base, handlers := p.reg.Table(), p.handlers.Load()
	table := c.table() // of base, or of what the first look below finds changed
	adapted := c.adapted.Load()
	var h *handler // of the packets with this id
	last := -1
	for packets < max && n < shareBytes && len(b)-n >= codec.HeaderSize {
		length := binary.BigEndian.Uint32(b[n:])
		if length > limit || length < codec.IDSize || len(b)-n-codec.LengthSize < int(length) {
			break
		}
		if id := int(binary.BigEndian.Uint16(b[n+codec.LengthSize:])); id != last {
			t := table.Type(uint16(id))
			if t == nil || t.Index() >= len(*handlers) {
				break
			}
			if h = (*handlers)[t.Index()]; h == nil || !h.express {
				break
			}
			last = id
		}
		// What the last packet's handler, or another goroutine, may have changed.
		if c.State() != Active || p.observed() ||
			p.reg.Table() != base || c.adapted.Load() != adapted || p.handlers.Load() != handlers {
			break
		}
		end := n + codec.LengthSize + int(length)
		payload := b[n+codec.HeaderSize : end : end]
		n = end
		packets++
		if err := h.direct(c, payload); err != nil {
			c.refuse(err)
		}
		if c.over || c.aborted() {
			break
		}
	}
	return n, packets
}

// expressed reports whether packets of type t may go by express, if their
// handler takes them directly.
func expressed(t *registry.Type) bool {
	return t.Hooks() == nil && t.Options().MaxSize == 0 && !t.Internal()
}
