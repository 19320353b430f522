package peer

// The fast path out, the way of a reply: a callback of the conn encodes a packet straight into the output that
// leaves after it, without a lock. A packet that hooks or the packet log want to see goes the
// way of packet_out.go.

import (
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// reply encodes v after what the callback has written so far.
func (c *Conn) reply(t *registry.Type, v any) error {
	id, ok := c.replyID(t)
	if !ok || t.Hooks() != nil {
		return c.send(t, v) // which knows what is wrong, if anything
	}
	out := c.link.Out()
	if out == nil { // no room, or closed
		return c.send(t, v)
	}
	start := len(out.B)
	if err := c.encodeInto(out, t, id, v); err != nil {
		return err
	}
	return c.commit(t, len(out.B)-start)
}

// replyID returns the id of a packet of type t that a callback may append to its output. ok is
// false if the packet has to be sent like any other, or cannot be sent. Conn.State, observed and
// table are written out here, since a call counts.
func (c *Conn) replyID(t *registry.Type) (id uint16, ok bool) {
	p := c.peer
	if State(c.life.Load()) != Active || c.flags.has(encoding) || p.hooked || p.packets.on.Load() {
		return 0, false
	}
	a := c.ids.Load()
	if a == nil || a.base != p.reg.Table() {
		return c.newTable().WireID(t)
	}
	return a.table.WireID(t)
}

// commit ends a packet: the last n bytes of what the callback has written. If there is no room
// for it, it does what the overflow policy says. Most packets are like the one before and come
// while there is plenty of room. They are counted here by hand: without a call, nothing is
// kept on the stack for one.
func (c *Conn) commit(t *registry.Type, n int) error {
	counts := c.counts()
	if counts.out.c != c || counts.out.t != t || !c.link.Light() {
		return c.commitAny(counts, t, n)
	}
	counts.out.n.Packets++
	counts.out.n.Bytes += uint64(n)
	return nil
}

// commitAny is commit for every packet.
func (c *Conn) commitAny(counts *loopCounts, t *registry.Type, n int) error {
	counts.countOut(c, t, n)
	refused, err := c.link.Commit(n)
	if err == nil {
		return nil
	}
	counts.uncountOut(c, t, n)
	return c.sendResult(t, refused, err)
}

// encodeInto appends v as a frame to out. The value's own MarshalMsg may send on this conn, or
// panic. So out keeps what it has until the frame is whole, and what is sent meanwhile is
// queued, to come after the frame: nothing else may be appended where it is being written.
func (c *Conn) encodeInto(out *engine.Buffer, t *registry.Type, id uint16, v any) error {
	c.flags.set(encoding)
	defer c.flags.clear(encoding)
	b, err := c.encode(out.B, t, id, v)
	if err == nil {
		out.B = b
	}
	return err
}
