package peer

// The way of a packet in for the usual case: see fastpath.

import (
	"encoding/binary"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// express is receive for the usual packet: its frame lies whole in b, the conn
// is active, and nobody but the packet's handler wants to see it. It handles as
// many of these as stand at the front of b, most and a share at most, and returns
// the bytes they took and how many they were. What it leaves, frame handles; the
// two do the same, but asking for each packet what holds for all of a burst costs
// more than a plain handler does.
func (c *Conn) express(b []byte, most int) (n, packets int) {
	p := c.peer
	handlers := p.handlers.Load() // before observed: SetPacketLog replaces them behind it
	if c.flags&(made|handshaking) != made || c.reader != nil || p.observed() {
		return 0, 0
	}
	loop := c.link.Loop()
	base := p.reg.Table()
	table := c.table() // of base, or of what the first look below finds changed
	limit := uint(p.cfg.MaxFrame - codec.IDSize)
	left := max(len(b)-shareBytes, codec.HeaderSize-1) // what is not looked at
	var h *handler                                     // of the packets with this id
	last := -1
	rest := b
	for len(rest) > left && packets < most {
		length := int(binary.BigEndian.Uint32(rest))
		end := codec.LengthSize + length
		if uint(length-codec.IDSize) > limit || end > len(rest) {
			break
		}
		if id := int(binary.BigEndian.Uint16(rest[codec.LengthSize:])); id != last {
			t := table.Type(uint16(id))
			if t == nil {
				break
			}
			if h = handlers.of(t); h == nil || !h.express {
				break
			}
			last = id
		}
		// What the last packet's handler, or another goroutine, may have changed.
		// A table of the conn's own changes with the registry's, and input that is
		// over makes its conn inactive.
		if !c.isOpen() || p.reg.Table() != base || p.handlers.Load() != handlers ||
			loop.Halted() {
			break
		}
		payload := rest[codec.HeaderSize:end:end]
		rest = rest[end:]
		packets++
		if err := h.direct(c, payload); err != nil {
			c.refuse(err)
		}
	}
	return len(b) - len(rest), packets
}

// expressed reports whether packets of type t may go by express, if their
// handler takes them directly.
func expressed(t *registry.Type) bool {
	return t.Hooks() == nil && t.Options().MaxSize == 0 && !t.Internal()
}
