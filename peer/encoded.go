package peer

// A packet that is encoded once and sent on many conns.

import (
	"fmt"
	"sync/atomic"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// ErrReleased is returned by Encoded.SendTo after Release.
var ErrReleased = engine.ErrReleased

var errNilEncoded = fmt.Errorf("%w Encoded", ErrNil)

// Encoded is a packet that was encoded once, to be sent on any number of conns of a peer.
// Each conn gets a frame header of its own, since ids may differ. The payload is shared if
// it is long: it is in memory once, however many conns it waits on. Any goroutine may use
// an Encoded.
type Encoded struct {
	// Set once.
	peer    *Peer
	typ     *registry.Type
	payload *engine.Shared // nil: hooks want to see the value for each conn
	value   any            // for them, else nil

	released atomic.Bool
}

// Encode encodes v as a packet of type pkt, for Encoded.SendTo on conns of h. The caller
// releases it when it has sent it on the last of them. An Encoded that is kept, and sent
// again and again, is fine too.
//
// Where the packet's object has hooks, or Config.PacketOut is set, these see the value on
// each conn. It is not encoded now then, but for each conn: leave v alone until Release.
// Otherwise v is the caller's again when Encode returns.
func Encode[T any](h Host, pkt registry.Packet[T], v *T) (*Encoded, error) {
	p, err := peerOf(h)
	if err != nil {
		return nil, err
	}
	t := pkt.In(p.reg)
	if t == nil {
		return nil, noPacket(pkt)
	}
	return p.encode(t, v)
}

// encode encodes v as a packet of type t.
func (p *Peer) encode(t *registry.Type, v any) (*Encoded, error) {
	e := &Encoded{peer: p, typ: t}
	if p.hooksWantValues(t) {
		e.value = v
		return e, nil
	}
	b, err := p.encodePayload(t, v)
	if err != nil {
		return nil, err
	}
	e.payload = p.reactor.Share(b)
	return e, nil
}

// EncodeRaw is Encode for a payload that is encoded already, such as one that a HandleRaw
// function was called with. It is copied, once. Like SendRaw it passes by the hooks that see
// values, and is not checked.
func (p *Peer) EncodeRaw(t *registry.Type, payload []byte) (*Encoded, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if t == nil {
		return nil, ErrNoPacket
	}
	b := p.reactor.Buffers().Get()
	b.B = append(b.B, payload...)
	return &Encoded{peer: p, typ: t, payload: p.reactor.Share(b)}, nil
}

// encodePayload returns v encoded, in a buffer of the reactor's pool. The value's own method
// may panic.
func (p *Peer) encodePayload(t *registry.Type, v any) (_ *engine.Buffer, err error) {
	b := p.reactor.Buffers().Get()
	encoded := false
	defer func() {
		if !encoded {
			p.reactor.Buffers().Put(b)
		}
	}()
	if b.B, err = p.marshal(b.B, t, v); err != nil {
		return nil, err
	}
	encoded = true
	return b, nil
}

// hooksWantValues reports whether hooks see the value of a packet of type t for each conn that
// it is sent on.
func (p *Peer) hooksWantValues(t *registry.Type) bool {
	return t.Hooks() != nil || p.cfg.PacketOut != nil
}

// SendTo is Send of the packet on c, a conn of the peer that it was encoded for; on a conn
// of another peer it is ErrNoConn. It never blocks, and any goroutine may call it. After
// Release it is ErrReleased.
func (e *Encoded) SendTo(c *Conn) error {
	if err := c.check(); err != nil {
		return err
	}
	switch {
	case e == nil || e.peer == nil:
		return errNilEncoded
	case e.released.Load():
		return ErrReleased
	case c.peer != e.peer:
		return fmt.Errorf("%w: %v is of another peer than the packet was encoded for", ErrNoConn, c)
	case e.payload == nil:
		return c.send(e.typ, e.value)
	}
	return c.sendShared(e.typ, e.payload)
}

// Release says that e is not sent on further conns. Where it waits it is still sent; its
// memory goes back when the last conn has sent it, or has ended. Release may be called
// more than once.
func (e *Encoded) Release() {
	if e == nil || e.released.Swap(true) || e.payload == nil {
		return
	}
	e.payload.Release()
}

// sendShared sends a payload that is encoded already and is shared. It is not copied, unless
// Config.EncodedOut or the packet log want to see it.
func (c *Conn) sendShared(t *registry.Type, payload *engine.Shared) error {
	id, err := c.wireID(t)
	if err != nil {
		return err
	}
	n := payload.Len()
	h := codec.Header(id, n)
	if c.peer.observed() {
		b := c.getBuffer()
		defer c.putBuffer(b)
		if b.B, err = payload.AppendTo(append(b.B, h[:]...)); err != nil {
			return err
		}
		return c.queueFrame(t, b.B)
	}
	if err := c.checkSize(t, codec.IDSize+n); err != nil {
		return err
	}
	return c.queueOrOverflowBy(t, len(h)+n, func() error { return c.link.QueueShared(h[:], payload) })
}
