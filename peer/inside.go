package peer

// Packets of the program that travel inside the packet of a feature: its payload is the id of
// the program's packet, and that one's payload. A package that keeps packets, to send them
// again on another conn, tells them so from those that are sent as they are.

import (
	"encoding/binary"
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// AppendPayload appends v to b, encoded as a packet of type pkt of p, for Conn.SendInside or
// Conn.SendRaw, and returns the packet's type besides. With an error b is returned as it was.
// Hooks on the way out do not see v.
func AppendPayload[T any](p *Peer, b []byte, pkt registry.Packet[T], v *T) (*registry.Type, []byte, error) {
	if err := p.check(); err != nil {
		return nil, b, err
	}
	t := pkt.In(p.reg)
	if t == nil {
		return nil, b, noPacket(pkt)
	}
	b, err := p.appendPayload(b, t, v)
	return t, b, err
}

func (p *Peer) appendPayload(b []byte, t *registry.Type, v any) ([]byte, error) {
	start := len(b)
	b, err := p.marshal(b, t, v)
	if err != nil {
		return b[:start], err
	}
	return b, nil
}

// Packet is the type of the packet that was encoded, or nil for a nil Encoded.
func (e *Encoded) Packet() *registry.Type {
	if e == nil {
		return nil
	}
	return e.typ
}

// AppendPayload appends the packet's payload to b. A value that hooks want to see for each
// conn is encoded now, and they do not see it.
func (e *Encoded) AppendPayload(b []byte) ([]byte, error) {
	switch {
	case e == nil || e.peer == nil:
		return b, errNilEncoded
	case e.released.Load():
		return b, ErrReleased
	case e.payload == nil:
		return e.peer.appendPayload(b, e.typ, e.value)
	}
	return e.payload.AppendTo(b)
}

// SendInside sends a packet of the program's, whose payload is encoded already, inside the
// packet of a feature. The other side's Extension.Inside is told of it before it is handled
// there. No hook on the way out sees it, and no Overflow has it
// dropped: ErrBackpressure says that there is no room. Any goroutine may call it; the payload
// is copied. The other errors are those of SendExtension, and of SendRaw.
func (c *Conn) SendInside(f Feature, t *registry.Type, payload []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	outer, ok := f.packetID()
	if !ok || f == FeatureOptional || !c.inForce().has(f) || c.ids.Load() == nil {
		return fmt.Errorf("%w: feature %d is not in force", ErrNotOnWire, f)
	}
	id, err := c.wireID(t)
	if err != nil {
		return err
	}
	if id < registry.MinID {
		return fmt.Errorf("%w: %s is internal", ErrNotOnWire, t.Name())
	}
	if err := c.checkSize(t, codec.IDSize+len(payload)); err != nil {
		return err
	}
	if err := c.checkSize(nil, 2*codec.IDSize+len(payload)); err != nil {
		return err
	}
	if !features(c.peer.inside.Load()).has(f) {
		c.peer.inside.Or(1 << f)
	}
	var head [codec.HeaderSize + codec.IDSize]byte
	h := codec.Header(outer, codec.IDSize+len(payload))
	copy(head[:], h[:])
	binary.BigEndian.PutUint16(head[codec.HeaderSize:], id)
	if c.peer.packets.on.Load() {
		c.peer.logPacket(c, Sent, t, payload)
	}
	return c.link.QueueParts(head[:], payload)
}

// isInside reports whether the payload of a feature's packet is a packet of SendInside.
func isInside(payload []byte) bool {
	return len(payload) >= codec.IDSize && codec.Frame(payload).ID() >= registry.MinID
}

// handleInside handles a packet of the program's that came inside the packet of a feature; raw
// is its id and its payload. fastpath_inside.go has a shorter way for packets that only a
// handler wants.
func (c *Conn) handleInside(x *Extension, raw []byte) {
	table, f := c.table(), codec.Frame(raw)
	size := len(f.Payload())
	if c.peer.cfg.EncodedIn != nil {
		f = c.callEncodedIn(f)
	}
	if f == nil { // dropped
		c.endFor(x.Inside(c, size))
		return
	}
	t := table.Type(f.ID())
	if t != nil && !c.admitProgramPacket(f.ID()) { // EncodedIn, or another goroutine, has ended the conn
		return
	}
	switch err := x.Inside(c, size); {
	case err != nil:
		c.endFor(err)
	case t == nil || t.Internal():
		c.handleAfterEncodedIn(table, f)
	default:
		c.handlePacket(t, f.Payload())
	}
}
