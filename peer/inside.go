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
// packet of a feature. The other side's Extension.Packet gets its id and its payload, and may
// give them to Conn.HandleInside. No hook on the way out sees it, and no Overflow has it
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

// HandleInside handles a packet of the program's that came inside the packet of a feature,
// as if it had come by itself: with hooks on the way in, middleware, and the handler. raw is
// its id and its payload, and is valid during the call. What is wrong with it ends the conn.
// ErrNotActive means that the conn is being ended, perhaps by another goroutine, and that
// nothing was called but Config.EncodedIn. On the conn's loop only.
func (c *Conn) HandleInside(raw []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	c.mustBeOnLoop("Conn.HandleInside")
	if len(raw) < codec.IDSize {
		return codec.ErrShortFrame
	}
	table, f := c.table(), codec.Frame(raw)
	switch {
	case c.flags.has(inputEnded) || c.State() >= Softquitted:
		return ErrNotActive
	case f.ID() < registry.MinID:
		c.violation(f.ID(), "came inside another packet")
		return nil
	case c.peer.cfg.EncodedIn != nil:
		if f = c.callEncodedIn(f); f == nil {
			return nil
		}
	}
	t := table.Type(f.ID())
	if t == nil || t.Internal() {
		c.handleAfterEncodedIn(table, f)
		return nil
	}
	if !c.admitProgramPacket(f.ID()) {
		return ErrNotActive
	}
	c.handlePacket(t, f.Payload())
	return nil
}
