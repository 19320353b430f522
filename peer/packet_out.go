package peer

// The way of a packet from a value to the backlog, in this order: the object's OnSend,
// Config.PacketOut, the object's OnEncode, encoding, Config.EncodedOut, the packet log, and
// the overflow policy if there is no room. fastpath_out.go has a shorter way for callbacks.

import (
	"context"
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// send sends v as a packet of type t.
func (c *Conn) send(t *registry.Type, v any) error { return c.sendBy(roomWait{}, t, v) }

// roomWait says how long a sender waits for room: not at all if ctx is nil, else until ctx is
// done.
type roomWait struct{ ctx context.Context }

// sendBy is send for a sender that may wait for room.
func (c *Conn) sendBy(w roomWait, t *registry.Type, v any) (err error) {
	if t == nil {
		return ErrNoPacket
	}
	p := c.peer                                // its hooks are called, whichever conn OnSend names
	if err := c.checkSendable(t); err != nil { // before any hook of the program sees the conn
		return err
	}
	if hooks := t.Hooks(); hooks != nil && hooks.Send != nil {
		if c, v, err = callOnSend(hooks.Send, c, v); err != nil {
			return ignoreDrop(err)
		}
		if err := c.checkSendable(t); err != nil { // it may be another conn, or have been ended by the hook
			return err
		}
	}
	if f := p.cfg.PacketOut; f != nil {
		if v, err = f(c, t, v); err != nil {
			return ignoreDrop(err)
		}
	}
	return c.encodeAndSend(w, t, v)
}

// encodeAndSend is sendBy after the hooks that see values.
func (c *Conn) encodeAndSend(w roomWait, t *registry.Type, v any) error {
	id, err := c.wireID(t)
	if err != nil {
		return err
	}
	b := c.getBuffer()
	defer c.putBuffer(b)
	if b.B, err = c.encode(b.B, t, id, v); err != nil {
		return ignoreDrop(err)
	}
	return c.queueFrameBy(w, t, b.B)
}

// callOnSend calls the object's OnSend, which may name another conn.
func callOnSend(h registry.OnSender, c *Conn, v any) (*Conn, any, error) {
	to, v, err := h.OnSend(c, v)
	if err != nil {
		return nil, nil, err
	}
	conn, ok := to.(*Conn)
	if !ok || conn.check() != nil {
		return nil, nil, fmt.Errorf("%w: OnSend returned a %T", ErrNoConn, to)
	}
	return conn, v, nil
}

// ignoreDrop returns a hook's err, or nil if the hook drops the packet.
func ignoreDrop(err error) error {
	if errors.Is(err, ErrDrop) {
		return nil
	}
	return err
}

// encode appends v as a frame.
func (c *Conn) encode(b []byte, t *registry.Type, id uint16, v any) (_ []byte, err error) {
	if hooks := t.Hooks(); hooks != nil && hooks.Encode != nil {
		if v, err = hooks.Encode.OnEncode(c, v); err != nil {
			return b, err
		}
	}
	start := len(b)
	if b, err = c.peer.marshal(codec.BeginFrame(b, id), t, v); err != nil {
		return b[:start], err
	}
	if err := c.checkSize(t, len(b)-start-codec.LengthSize); err != nil {
		return b[:start], err
	}
	return codec.EndFrame(b, start, len(b))
}

// queueFrame queues a frame after everything that was sent before.
func (c *Conn) queueFrame(t *registry.Type, frame []byte) (err error) {
	return c.queueFrameBy(roomWait{}, t, frame)
}

// queueFrameBy is queueFrame for a sender that may wait for room.
func (c *Conn) queueFrameBy(w roomWait, t *registry.Type, frame []byte) (err error) {
	p := c.peer
	raw := frame[codec.LengthSize:]
	if err := c.checkSize(t, len(raw)); err != nil {
		return err
	}
	if p.observed() {
		if f := p.cfg.EncodedOut; f != nil {
			if err := c.checkSendable(t); err != nil { // the hooks before may have ended the conn
				return err
			}
			if raw, err = f(c, raw); err != nil {
				return ignoreDrop(err)
			}
			if len(raw) < codec.IDSize {
				return codec.ErrShortFrame
			}
			b := c.getBuffer()
			defer c.putBuffer(b)
			f := codec.Frame(raw)
			b.B = codec.AppendFrame(b.B, f.ID(), f.Payload())
			frame = b.B
			if err := c.checkSize(t, len(raw)); err != nil {
				return err
			}
		}
		p.logPacket(c, Sent, t, codec.Frame(raw).Payload())
	}
	if w.ctx != nil {
		return c.queueWait(w.ctx, t, frame)
	}
	return c.queueOrOverflow(t, frame)
}

// checkSendable returns an error if the conn is not in a state to send a packet of type t. t is
// nil if the type is not known. Packets of AddInternal may be sent before the handshake is
// done, like they may come then.
func (c *Conn) checkSendable(t *registry.Type) error {
	switch s := c.State(); {
	case s == Active, s == Softquitted && c.marked(lastSends):
		return nil
	case s < Active && t != nil && t.Internal() && c.peer.cfg.Authenticate == nil:
		return nil
	case s == Disconnected:
		return ErrClosed
	}
	return ErrNotActive
}

// wireID is the id that t has on this conn.
func (c *Conn) wireID(t *registry.Type) (uint16, error) {
	if t == nil {
		return 0, ErrNoPacket
	}
	if err := c.checkSendable(t); err != nil {
		return 0, err
	}
	id, ok := c.table().WireID(t)
	if !ok {
		return 0, c.notOnWire(t)
	}
	return id, nil
}

// notOnWire is the error for a packet without an id on this conn: the other side was not told
// it, or it is not in this side's registry at all.
func (c *Conn) notOnWire(t *registry.Type) error {
	if _, err := c.peer.reg.Lookup(t); err != nil {
		return fmt.Errorf("%w: %s is of another registry, or was removed", ErrNoPacket, t.Name())
	}
	return fmt.Errorf("%w: %s", ErrNotOnWire, t.Name())
}

// checkSize returns an error if a frame of n bytes, of id and payload, may not be sent: the other
// side would not take it, its type forbids it, or it could never wait in the reactor.
func (c *Conn) checkSize(t *registry.Type, n int) error {
	limit := int(c.maxSend.Load())
	if t != nil {
		if m := t.Options().MaxSize; m > 0 {
			limit = min(limit, m+codec.IDSize)
		}
	}
	if n <= limit {
		return nil
	}
	return c.tooLarge(t, n, limit)
}

// tooLarge is the error for a frame of n bytes where at most most may be sent.
func (c *Conn) tooLarge(t *registry.Type, n, most int) error {
	name := "packet"
	if t != nil {
		name = t.Name()
	}
	return &SizeError{Packet: name, Length: n, Max: most}
}

func (c *Conn) getBuffer() *engine.Buffer { return c.peer.reactor.Scratch().Get() }

func (c *Conn) putBuffer(b *engine.Buffer) { c.peer.reactor.Scratch().Put(b) }
