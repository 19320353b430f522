package peer

// What a program sends packets with, each bound to the Go type of its packet.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Send sends v as a packet of type pkt on c. It is encoded before Send returns. Any
// goroutine may call it; it never blocks.
func Send[T any](c *Conn, pkt registry.Packet[T], v *T) error {
	if err := c.check(); err != nil {
		return err
	}
	t := pkt.In(c.peer.reg)
	if t == nil {
		return noPacket(pkt)
	}
	return c.send(t, v)
}

// SendTo is Send on the conn of h that to names: its number, as Conn.ID tells it, the
// peer that it goes to in memory, or nil for the Default of a client. ErrNoConn means
// that there is no such conn.
func SendTo[T any](h Host, to any, pkt registry.Packet[T], v *T) error {
	p, err := peerOf(h)
	if err != nil {
		return err
	}
	c, err := p.resolve(to)
	if err != nil {
		return err
	}
	t := pkt.In(p.reg)
	if t == nil {
		return noPacket(pkt)
	}
	return c.send(t, v)
}

// Reply is Send for the conn's own callbacks: it encodes straight into the
// output that leaves after the callback, and takes no lock. On the conn's
// loop only.
func Reply[T any](c *Conn, pkt registry.Packet[T], v *T) error {
	if err := c.check(); err != nil {
		return err
	}
	c.mustBeOnLoop("Reply")
	t := pkt.In(c.peer.reg)
	if t == nil {
		return noPacket(pkt)
	}
	return c.reply(t, v)
}

// SendRaw sends a payload that is encoded already. It is not checked. Any
// goroutine may call it; the payload is copied.
func (c *Conn) SendRaw(t *registry.Type, payload []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	id, err := c.wireID(t)
	if err != nil {
		return err
	}
	if !c.peer.observed() {
		if err := c.checkSize(t, codec.IDSize+len(payload)); err != nil {
			return err
		}
		h := codec.Header(id, len(payload))
		if err := c.link.QueueParts(h[:], payload); !errors.Is(err, ErrBackpressure) {
			return c.sendResult(t, nil, err)
		}
	}
	b := c.getBuffer()
	defer c.putBuffer(b)
	b.B = codec.AppendFrame(b.B, id, payload)
	return c.queueFrame(t, b.B)
}

// ReplyRaw is SendRaw for the conn's own callbacks, without a lock. The payload
// may be the one that a HandleRaw function was called with. On the conn's loop
// only.
func (c *Conn) ReplyRaw(t *registry.Type, payload []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	c.mustBeOnLoop("Conn.ReplyRaw")
	id, ok := c.replyID(t)
	if !ok || t.Options().MaxSize > 0 || codec.IDSize+len(payload) > int(c.maxSend.Load()) {
		return c.SendRaw(t, payload) // which knows what is wrong, if anything
	}
	out := c.link.Out()
	if out == nil { // no room, or closed
		return c.SendRaw(t, payload)
	}
	if engine.MayDirect(len(payload)) {
		return c.replyLarge(out, t, id, payload)
	}
	out.B = codec.AppendFrame(out.B, id, payload)
	return c.commit(t, codec.HeaderSize+len(payload))
}

// replyLarge is the end of ReplyRaw for a payload that may leave from where it lies. It is a
// function of its own so that the short ones, which do not come here, need fewer registers.
func (c *Conn) replyLarge(out *engine.Buffer, t *registry.Type, id uint16, payload []byte) error {
	h := codec.Header(id, len(payload))
	out.B = append(out.B, h[:]...)
	if c.link.Direct(payload) {
		c.counts().countOut(c, t, len(h)+len(payload))
		return nil
	}
	out.B = append(out.B, payload...)
	return c.commit(t, len(h)+len(payload))
}

// ReplyRawAll is ReplyRaw for some packets of one type, in their order, if there is plenty of
// room for all of them. False means that nothing was done: there is little room, or ReplyRaw
// knows what is wrong with one of them. It is for packets that are short, 64 KiB together. On
// the conn's loop only.
func (c *Conn) ReplyRawAll(t *registry.Type, payloads [][]byte) bool {
	if c.check() != nil {
		return false
	}
	c.mustBeOnLoop("Conn.ReplyRawAll")
	if t == nil || t.Options().MaxSize > 0 {
		return false
	}
	id, ok := c.replyID(t)
	if !ok {
		return false
	}
	out := c.link.Out()
	if out == nil {
		return false
	}
	before, most := len(out.B), int(c.maxSend.Load())
	for _, payload := range payloads {
		ok = ok && codec.IDSize+len(payload) <= most
		out.B = codec.AppendFrame(out.B, id, payload)
	}
	if n := len(out.B) - before; ok && c.link.Light() {
		c.counts().countManyOut(c, t, Traffic{uint64(len(payloads)), uint64(n)}, false)
		return true
	}
	out.B = out.B[:before]
	return false
}

// noPacket is the error for a packet that the peer's registry does not have.
func noPacket(pkt interface{ Name() string }) error {
	if pkt.Name() == "" {
		return ErrNoPacket
	}
	return fmt.Errorf("%w: %s is not in the peer's registry", ErrNoPacket, pkt.Name())
}
