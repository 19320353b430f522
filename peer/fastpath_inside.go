package peer

// The fast path in for packets that are inside those of a feature (SendInside). It is
// fastpath_in.go for them, in a loop of its own, so that the other one has nothing to ask for
// each packet because of it.

import (
	"encoding/binary"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// insideHeader is the length of what comes before the payload of a packet that is inside
// another one: the header of the frame, and the packet's own id.
const insideHeader = codec.HeaderSize + codec.IDSize

// fastPathInside handles the frames at the front of b that are packets of one feature with
// others inside and may take the fast path, at most most and a share of the turn. It returns
// the bytes that they took and how many they were.
func (c *Conn) fastPathInside(b []byte, most int) (n, packets int) {
	p := c.peer
	epoch := p.epoch.Load() // before what it stands for, as in fastPath
	if len(b) < insideHeader || c.flags&(made|handshaking) != made || c.partialFrame != nil || p.observed() {
		return 0, 0
	}
	outer := binary.BigEndian.Uint16(b[codec.LengthSize:])
	x := c.insideOf(outer)
	if x == nil {
		return 0, 0
	}
	handlers := p.handlers.Load()
	loop := c.link.Loop()
	counts := &p.counts[loop.Index()]
	base := p.reg.Table()
	table := c.table()
	limit := uint(p.cfg.MaxFrame - codec.IDSize)
	left := max(len(b)-turnBytes, insideHeader-1)
	var h *handler // of the packets with the id last
	last := -1
	rest := b
	for len(rest) > left && packets < most {
		length := int(binary.BigEndian.Uint32(rest))
		end := codec.LengthSize + length
		if uint(length-codec.IDSize) > limit || end < insideHeader || end > len(rest) || binary.BigEndian.Uint16(rest[codec.LengthSize:]) != outer {
			break
		}
		if id := int(binary.BigEndian.Uint16(rest[codec.HeaderSize:])); id != last {
			t := table.Type(uint16(id))
			if t == nil || id < registry.MinID {
				break
			}
			if h = handlers.of(t); h == nil || !h.fast {
				break
			}
			last = id
		}
		if !c.isOpen() || p.reg.Table() != base || p.epoch.Load() != epoch || loop.Halted() {
			break
		}
		payload := rest[insideHeader:end:end]
		rest = rest[end:]
		packets++
		if err := x.Inside(c, len(payload)); err != nil {
			c.endFor(err)
			continue
		}
		counts.countIn(c, h.packet, end-codec.IDSize)
		c.endPacket(h.packet, h.direct(c, payload))
	}
	return len(b) - len(rest), packets
}

// insideOf returns the extension that is told of packets inside those with the id outer, or
// nil if there is none on this conn.
func (c *Conn) insideOf(outer uint16) *Extension {
	if !c.carries(outer) {
		return nil
	}
	f, _ := featureOf(outer)
	if x := c.peer.allExtensions()[f]; x != nil && x.Inside != nil {
		return x
	}
	return nil
}
