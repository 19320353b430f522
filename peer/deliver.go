package peer

// The way of a packet in, from a whole frame to the program: hooks, decoding, and
// the handler. fastpath.go is the same for packets that nothing but a handler wants.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// ofProgram tells the ids that a program gives to its packets, internal ones
// among them, from those of the handshake and of heartbeats.
func ofProgram(id uint16) bool {
	return id >= registry.MinID || id > registry.IDFinish && id < registry.IDPing
}

// handleAfterEncodedIn handles a frame after Config.EncodedIn.
func (c *Conn) handleAfterEncodedIn(table *registry.Table, f codec.Frame) {
	id := f.ID()
	t := table.Type(id)
	switch {
	case id <= registry.IDFinish, c.flags.has(heartbeats) && (id == registry.IDPing || id == registry.IDPong):
		c.onInternal(id, f.Payload())
	case t == nil:
		c.onUnknownID(id)
	case c.admitPacket(t, id):
		c.handlePacket(t, f.Payload())
	}
}

// encodedIn is what Config.EncodedIn makes of a frame; nil means that there is
// nothing to handle.
func (c *Conn) encodedIn(table *registry.Table, f codec.Frame) codec.Frame {
	if t := table.Type(f.ID()); t != nil && !c.admitPacket(t, f.ID()) || t == nil && !c.admitProgramPacket(f.ID()) {
		return nil
	}
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

// admitPacket reports whether a packet may be handled in the state the conn is in.
func (c *Conn) admitPacket(t *registry.Type, id uint16) bool {
	return c.isEarly(t) || c.admitProgramPacket(id)
}

// isEarly reports whether a packet may be handled whether or not the handshake is
// done: an internal one, of another side that need not be authenticated first.
func (c *Conn) isEarly(t *registry.Type) bool {
	return t.Internal() && !c.flags.has(lost) && (c.State() == Active || c.peer.cfg.Authenticate == nil)
}

// admitProgramPacket reports whether an application packet that has come may be seen by the
// program: not before the handshake is done, and not after OnLost. The first one
// proves that the other side has done its part of the handshake.
func (c *Conn) admitProgramPacket(id uint16) bool {
	switch s := c.State(); {
	case s == Active:
		if !c.flags.has(made) {
			c.establish()
		}
		return c.flags.has(made) && c.State() == Active // an aborted conn is not made any more
	case s < Active:
		c.violation(id, "came before the handshake was done")
	}
	return false // Softquitted: it was sent before the other side knew
}

// onUnknownID drops a packet; the program's registry may be changing.
func (c *Conn) onUnknownID(id uint16) {
	if c.State() < Active {
		c.violation(id, "came before the handshake was done, and is unknown")
		return
	}
	c.peer.stats.unknown()
	if a := c.ids.Load(); a != nil && a.told.Type(id) != nil {
		return // it was removed here, which the other side cannot know
	}
	if c.unknownIDs++; c.unknownIDs > maxUnknown {
		c.fault(ReasonProtocol, &UnknownIDError{ID: id})
	}
}

// handlePacket decodes a payload and delivers it.
func (c *Conn) handlePacket(t *registry.Type, payload []byte) {
	if limit := t.Options().MaxSize; limit > 0 && len(payload) > limit {
		c.fault(ReasonPayload, fmt.Errorf("%s: %w", t.Name(),
			&codec.SizeError{Length: int64(len(payload)), Max: limit}))
		return
	}
	p := c.peer
	h := p.handler(t)
	if h != nil && h.direct != nil && !p.observed() {
		c.endFor(h.direct(c, payload))
		return
	}
	c.handleWithHooks(t, h, payload)
}

// handleWithHooks takes a packet through every hook that there is. One of them may have
// ended the conn by what it gave its base: nothing is called behind OnLost.
func (c *Conn) handleWithHooks(t *registry.Type, h *handler, payload []byte) {
	p := c.peer
	p.logPacket(c, Received, t, payload)
	if h != nil && h.raw != nil {
		c.endFor(h.raw(c, payload))
		return
	}
	v, err := p.decode(t, payload)
	if err != nil {
		c.endFor(err)
		return
	}
	if hooks := t.Hooks(); hooks != nil && hooks.Decode != nil {
		if v, err = hooks.Decode.OnDecode(c, v); err != nil || c.flags.has(lost) {
			c.endFor(err)
			return
		}
	}
	c.endFor(c.handleDecoded(t, h, v))
}

// handleDecoded gives a decoded packet to whoever handles it.
func (c *Conn) handleDecoded(t *registry.Type, h *handler, v any) (err error) {
	p := c.peer
	if p.cfg.PacketIn != nil {
		if v, err = p.cfg.PacketIn(c, t, v); err != nil || c.flags.has(lost) {
			return err
		}
	}
	return c.handleAfterPacketIn(t, h, v)
}

// handleAfterPacketIn gives a decoded packet, which Config.PacketIn has seen, to its object and
// its handler.
func (c *Conn) handleAfterPacketIn(t *registry.Type, h *handler, v any) error {
	p := c.peer
	hooks := t.Hooks()
	heard := hooks != nil && hooks.Receive != nil
	if heard {
		if err := hooks.Receive.OnReceive(c, v); err != nil || c.flags.has(lost) {
			return err
		}
	}
	switch {
	case h != nil && h.decoded != nil:
		return h.decoded(c, v)
	case h == nil && p.cfg.OnPacket != nil:
		return p.cfg.OnPacket(c, t, v)
	case h == nil && !heard && p.cfg.PacketIn == nil:
		p.unhandledPacket(c, t)
	}
	return nil
}

// endFor ends the conn because a packet could not be decoded or handled. A
// handler that returns a Reason ends it with that one.
func (c *Conn) endFor(err error) {
	var reason Reason
	var bad *PayloadError
	switch {
	case err == nil || errors.Is(err, ErrDrop):
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

// decode decodes a payload into what its type wants.
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

// limits are what a payload of type t may ask for: the type's own, and the
// peer's where it has none.
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
