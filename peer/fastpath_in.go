package peer

// The fast path in: whole frames of an Active conn that nothing but their handler
// wants to see. What holds for a whole burst is asked once, and what the program may
// change meanwhile is asked again before each packet. Everything else goes by
// handleOne, with the same outcome: for each packet there, the checks made here
// before the loop cost more than a plain handler does.

import (
	"encoding/binary"

	"github.com/packetmq/packetmq/codec"
)

// fastPath handles the frames at the front of b that may take the fast path, at most
// most and a share of the turn. It returns the bytes that they took and how many they
// were.
func (c *Conn) fastPath(b []byte, most int) (n, packets int) {
	p := c.peer
	epoch := p.epoch.Load() // before what it stands for: the handlers, and observed
	if c.flags&(made|handshaking) != made || c.partialFrame != nil || p.observed() {
		return 0, 0
	}
	handlers := p.handlers.Load()
	loop := c.link.Loop()
	counts := &p.counts[loop.Index()]
	base := p.reg.Table()
	table := c.table() // of base; if that has changed since, the loop below finds out before its first packet
	limit := uint(p.cfg.MaxFrame - codec.IDSize)
	left := max(len(b)-turnBytes, codec.HeaderSize-1) // frames that begin in the last bytes are not looked at
	var h *handler                                    // of the packets with the id last
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
			if h = handlers.of(t); h == nil || !h.fast {
				break
			}
			last = id
		}
		// The last packet's handler, or another goroutine, may have changed these. An
		// adapted table changes with the registry's, and input that is ended makes the
		// conn inactive. In one condition with ||, the four took eight instructions more.
		if !c.isOpen() {
			break
		}
		if p.reg.Table() != base {
			break
		}
		if p.epoch.Load() != epoch {
			break
		}
		if loop.Halted() {
			break
		}
		payload := rest[codec.HeaderSize:end:end]
		rest = rest[end:]
		packets++
		if counts.in.c != c || counts.in.t != h.packet { // countIn by hand, since a call counts here
			counts.beginIn(c, h.packet)
		}
		counts.in.n.Packets++
		counts.in.n.Bytes += uint64(end)
		c.endPacket(h.packet, h.direct(c, payload))
	}
	return len(b) - len(rest), packets
}
