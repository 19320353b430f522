package peer

// The way of a packet from a whole frame to the program, in this order: Config.EncodedIn,
// the packet log, decoding, the object's OnDecode, Config.PacketIn, the object's OnReceive,
// and the handler or Config.OnPacket. fastpath_in.go is a shorter way for packets that only a
// handler wants.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// isProgramID reports whether id may be that of a packet of the program's, one of
// AddInternal among them. The others are those of the handshake, heartbeats and features.
func (c *Conn) isProgramID(id uint16) bool {
	return id >= registry.MinID || id > registry.IDFinish && id < registry.IDPing && !c.carries(id)
}

// handleAfterEncodedIn handles a frame after Config.EncodedIn.
func (c *Conn) handleAfterEncodedIn(table *registry.Table, f codec.Frame) {
	id := f.ID()
	t := table.Type(id)
	switch {
	case id <= registry.IDFinish, c.flags.has(heartbeats) && (id == registry.IDPing || id == registry.IDPong):
		c.onInternal(id, f.Payload())
	case c.carries(id):
		c.onFeaturePacket(id, f.Payload())
	case t == nil:
		c.onUnknownID(id)
	case c.admitPacket(t, id):
		c.handlePacket(t, f.Payload())
	}
}

// encodedIn calls Config.EncodedIn and returns the frame to handle, or nil if there is none.
func (c *Conn) encodedIn(table *registry.Table, f codec.Frame) codec.Frame {
	if t := table.Type(f.ID()); t != nil && !c.admitPacket(t, f.ID()) || t == nil && !c.admitProgramPacket(f.ID()) {
		return nil
	}
	return c.callEncodedIn(f)
}

// callEncodedIn is encodedIn for a frame that may be handled now.
func (c *Conn) callEncodedIn(f codec.Frame) codec.Frame {
	raw, err := c.lendEncodedIn(f)
	switch {
	case err != nil:
		c.endFor(err)
	case len(raw) < codec.IDSize:
		c.fault(ReasonFrame, codec.ErrShortFrame)
	default:
		return raw
	}
	return nil
}

// admitPacket returns whether a packet may be handled in the state that the conn is in. It
// makes the conn, or ends it, as admitProgramPacket does.
func (c *Conn) admitPacket(t *registry.Type, id uint16) bool {
	return c.isEarly(t) || c.admitProgramPacket(id)
}

// isEarly reports whether a packet may be handled although the handshake may not be done. It
// may if it is one of AddInternal and the other side need not be authenticated first.
func (c *Conn) isEarly(t *registry.Type) bool {
	return t.Internal() && !c.flags.has(lost) && (c.State() == Active || c.peer.cfg.Authenticate == nil)
}

// admitProgramPacket returns whether the program may see a packet that has come: not before
// the handshake is done, which is a violation, and not after OnLost. The first packet makes
// the conn if finish has not: it shows that the other side has done its part of the
// handshake.
func (c *Conn) admitProgramPacket(id uint16) bool {
	switch s := c.State(); {
	case s == Active:
		if !c.flags.has(made) {
			c.establish()
		}
		return c.flags.has(made) && c.State() == Active // establish does nothing for an aborted conn
	case s < Active:
		c.violation(id, "came before the handshake was done")
	}
	return false // Softquitted: the other side sent it before it knew
}

// onUnknownID drops a packet of an id that is not in the conn's table. The conn ends only
// after maxUnknown of them, since packets may be added to and removed from the registry while
// conns are open.
func (c *Conn) onUnknownID(id uint16) {
	if c.State() < Active {
		c.violation(id, "came before the handshake was done, and is unknown")
		return
	}
	c.peer.stats.unknown()
	if a := c.ids.Load(); a != nil && a.wasTold(id) {
		return // the packet was removed here, which the other side cannot know
	}
	if c.unknownIDs++; c.unknownIDs > maxUnknown {
		c.fault(ReasonProtocol, &UnknownIDError{ID: id})
	}
}

// handlePacket handles a packet that may be handled now.
func (c *Conn) handlePacket(t *registry.Type, payload []byte) {
	if limit := t.Options().MaxSize; limit > 0 && len(payload) > limit {
		c.fault(ReasonPayload, fmt.Errorf("%s: %w", t.Name(),
			&codec.SizeError{Length: int64(len(payload)), Max: limit}))
		return
	}
	p := c.peer
	c.counts().countIn(c, t, codec.HeaderSize+len(payload))
	h := p.handler(t)
	if h != nil && h.direct != nil && !p.observed() {
		c.endPacket(t, h.direct(c, payload))
		return
	}
	c.handleWithHooks(t, h, payload)
}

// handleWithHooks decodes a packet and calls every hook that there is. A hook may end the
// conn, by a Conn.EncodedIn or the like; then nothing more is called, since OnLost was.
func (c *Conn) handleWithHooks(t *registry.Type, h *handler, payload []byte) {
	p := c.peer
	p.logPacket(c, Received, t, payload)
	if h != nil && h.raw != nil {
		c.endPacket(t, h.raw(c, payload))
		return
	}
	v, err := p.decode(t, payload)
	if err != nil {
		c.endPacket(t, err)
		return
	}
	if hooks := t.Hooks(); hooks != nil && hooks.Decode != nil {
		if v, err = hooks.Decode.OnDecode(c, v); err != nil || c.flags.has(lost) {
			c.endPacket(t, err)
			return
		}
	}
	c.endPacket(t, c.handleDecoded(t, h, payload, v))
}

// handleDecoded calls Config.PacketIn, and what comes after it. The payload is what v was
// decoded from, nil if the program made v.
func (c *Conn) handleDecoded(t *registry.Type, h *handler, payload []byte, v any) (err error) {
	p := c.peer
	if p.cfg.PacketIn != nil {
		if v, err = p.cfg.PacketIn(c, t, v); err != nil || c.flags.has(lost) {
			return err
		}
	}
	return c.handleAfterPacketIn(t, h, payload, v)
}

// handleAfterPacketIn calls the object's OnReceive and the handler, or Config.OnPacket if
// there is no handler. A packet that nothing of these takes is counted.
func (c *Conn) handleAfterPacketIn(t *registry.Type, h *handler, payload []byte, v any) error {
	p := c.peer
	hooks := t.Hooks()
	hasOnReceive := hooks != nil && hooks.Receive != nil
	if hasOnReceive {
		if err := hooks.Receive.OnReceive(c, v); err != nil || c.flags.has(lost) {
			return err
		}
	}
	switch {
	case h != nil && h.decoded != nil:
		return h.decoded(c, payload, v)
	case h == nil && p.cfg.OnPacket != nil:
		return p.callOnPacket(c, t, payload, v)
	case h == nil && !hasOnReceive && p.cfg.PacketIn == nil:
		p.unhandledPacket(c, t)
	}
	return nil
}

// endFor ends the conn because of err, what decoding, a hook or a handler has returned. A
// Reason softquits the conn with that reason; nil and ErrDrop do nothing.
func (c *Conn) endFor(err error) {
	if err != nil { // apart, so that it is inlined: what follows allocates
		c.endForError(err)
	}
}

// endPacket is endFor for what handling a packet of type t has returned.
func (c *Conn) endPacket(t *registry.Type, err error) {
	if err != nil {
		c.endPacketForError(t, err)
	}
}

func (c *Conn) endPacketForError(t *registry.Type, err error) {
	var reason Reason
	var bad *PayloadError
	if !errors.Is(err, ErrDrop) && (errors.As(err, &bad) || !errors.As(err, &reason)) {
		c.countFailed(t)
	}
	c.endForError(err)
}

func (c *Conn) endForError(err error) {
	var reason Reason
	var bad *PayloadError
	switch {
	case errors.Is(err, ErrDrop):
	case errors.As(err, &bad):
		c.fault(ReasonPayload, err)
	case errors.As(err, &reason):
		c.quit(reason, nil)
	default:
		c.fault(ReasonHandler, err)
	}
}

// PayloadError is a payload that could not be decoded into its packet type.
type PayloadError struct {
	Packet string
	Err    error
}

func (e *PayloadError) Error() string { return fmt.Sprintf("peer: %s: %v", e.Packet, e.Err) }

// Unwrap returns the codec's error.
func (e *PayloadError) Unwrap() error { return e.Err }

// decode decodes a payload into what the object of type t asks for, or into a plain value.
func (p *Peer) decode(t *registry.Type, payload []byte) (v any, err error) {
	if v = t.New(); v == nil {
		v, err = p.codec.DecodeAnyWithin(p.limits(t), payload)
	} else {
		err = p.codec.DecodeWithin(p.limits(t), payload, v)
	}
	if err != nil {
		return nil, &PayloadError{t.Name(), err}
	}
	return v, nil
}

// limits bound what a payload of type t may decode to: the type's own limits, and the peer's
// for those that the type does not set.
func (p *Peer) limits(t *registry.Type) *codec.Limits {
	l := &t.Options().Limits
	if *l == (codec.Limits{}) {
		return &p.codec.Limits
	}
	both := *l
	setDefault(&both.Depth, p.codec.Limits.Depth)
	setDefault(&both.Elements, p.codec.Limits.Elements)
	setDefault(&both.Budget, p.codec.Limits.Budget)
	both.CutIntegers = both.CutIntegers || p.codec.Limits.CutIntegers
	return &both
}
