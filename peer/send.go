package peer

import (
	"context"
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
	return c.peer.send(c, t, v)
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
	return p.send(c, t, v)
}

// Reply is Send for the conn's own callbacks: it encodes straight into the
// output that leaves behind the callback, and takes no lock. On the conn's
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
		if err := c.fits(t, codec.IDSize+len(payload)); err != nil {
			return err
		}
		h := codec.Header(id, len(payload))
		if err := c.link.QueueParts(h[:], payload); !errors.Is(err, ErrBackpressure) {
			return c.refused(t, nil, err)
		}
	}
	b := c.scratch()
	defer c.release(b)
	b.B = codec.AppendFrame(b.B, id, payload)
	return c.dispatch(t, b.B)
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
		h := codec.Header(id, len(payload))
		out.B = append(out.B, h[:]...)
		if c.link.Direct(payload) {
			return nil
		}
		out.B = append(out.B, payload...)
	} else {
		out.B = codec.AppendFrame(out.B, id, payload)
	}
	return c.commit(t, codec.HeaderSize+len(payload))
}

// noPacket is the error for a packet that the peer's registry does not have.
func noPacket(pkt interface{ Name() string }) error {
	if pkt.Name() == "" {
		return ErrNoPacket
	}
	return fmt.Errorf("%w: %s is not in the peer's registry", ErrNoPacket, pkt.Name())
}

// send takes v through the hooks on the way out and queues it.
func (p *Peer) send(c *Conn, t *registry.Type, v any) error { return p.sendBy(waiting{}, c, t, v) }

// waiting is how long a sender waits for room: not at all, or until the context is done.
type waiting struct{ until context.Context }

// sendBy is send for a sender that may wait for room.
func (p *Peer) sendBy(w waiting, c *Conn, t *registry.Type, v any) (err error) {
	if t == nil {
		return ErrNoPacket
	}
	if err := c.sendable(t); err != nil { // before any hook of the program sees the conn
		return err
	}
	if hooks := t.Hooks(); hooks != nil && hooks.Send != nil {
		if c, v, err = redirect(hooks.Send, c, v); err != nil {
			return dropped(err)
		}
		if err := c.sendable(t); err != nil { // it may be another conn, or have been ended by the hook
			return err
		}
	}
	if p.cfg.PacketOut != nil {
		if v, err = p.cfg.PacketOut(c, t, v); err != nil {
			return dropped(err)
		}
	}
	return c.encodeAndSend(w, t, v)
}

// encodeAndSend is sendBy after the hooks that see values.
func (c *Conn) encodeAndSend(w waiting, t *registry.Type, v any) error {
	id, err := c.wireID(t)
	if err != nil {
		return err
	}
	b := c.scratch()
	defer c.release(b)
	if b.B, err = c.encode(b.B, t, id, v); err != nil {
		return dropped(err)
	}
	return c.dispatchBy(w, t, b.B)
}

// redirect calls a hook that may change the destination.
func redirect(h registry.OnSender, c *Conn, v any) (*Conn, any, error) {
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

// dropped turns a hook's wish to drop a packet into success.
func dropped(err error) error {
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
	if err := c.fits(t, len(b)-start-codec.LengthSize); err != nil {
		return b[:start], err
	}
	return codec.EndFrame(b, start, len(b))
}

// dispatch queues a frame behind whatever was sent before.
func (c *Conn) dispatch(t *registry.Type, frame []byte) (err error) {
	return c.dispatchBy(waiting{}, t, frame)
}

// dispatchBy is dispatch for a sender that may wait for room.
func (c *Conn) dispatchBy(w waiting, t *registry.Type, frame []byte) (err error) {
	p := c.peer
	raw := frame[codec.LengthSize:]
	if err := c.fits(t, len(raw)); err != nil {
		return err
	}
	if p.observed() {
		if f := p.cfg.EncodedOut; f != nil {
			if err := c.sendable(t); err != nil { // the hooks before may have ended the conn
				return err
			}
			if raw, err = f(c, raw); err != nil {
				return dropped(err)
			}
			if len(raw) < codec.IDSize {
				return codec.ErrShortFrame
			}
			b := c.scratch()
			defer c.release(b)
			f := codec.Frame(raw)
			b.B = codec.AppendFrame(b.B, f.ID(), f.Payload())
			frame = b.B
			if err := c.fits(t, len(raw)); err != nil {
				return err
			}
		}
		p.logPacket(c, Sent, t, codec.Frame(raw).Payload())
	}
	if w.until != nil {
		return c.queueWait(w.until, t, frame)
	}
	return c.queue(t, frame)
}

// reply encodes v after what the callback has written so far.
func (c *Conn) reply(t *registry.Type, v any) error {
	id, ok := c.replyID(t)
	if !ok || t.Hooks() != nil {
		return c.peer.send(c, t, v) // which knows what is wrong, if anything
	}
	out := c.link.Out()
	if out == nil { // no room, or closed
		return c.peer.send(c, t, v)
	}
	start := len(out.B)
	if err := c.encodeInto(out, t, id, v); err != nil {
		return err
	}
	return c.commit(t, len(out.B)-start)
}

// replyID returns the id of a packet of type t that a callback may append to its output. ok is
// false if the packet has to be sent like any other, or cannot be sent.
func (c *Conn) replyID(t *registry.Type) (id uint16, ok bool) {
	if c.State() != Active || c.flags.has(encoding) || c.peer.observed() {
		return 0, false
	}
	return c.table().WireID(t)
}

// commit ends a packet: the last n bytes of what the callback has written. If there is no room
// for it, it does what the overflow policy says.
func (c *Conn) commit(t *registry.Type, n int) error {
	if c.link.Light() { // as for most packets
		return nil
	}
	refused, err := c.link.Commit(n)
	if err == nil {
		return nil
	}
	return c.refused(t, refused, err)
}

// encodeInto appends v as a frame to what the callback has written. The value's
// own marshalling may send on this conn, and may not return. So out keeps what
// it has until the frame is whole, and what is sent meanwhile is queued, to
// follow it: nothing else may be appended where the frame is being written.
func (c *Conn) encodeInto(out *engine.Buffer, t *registry.Type, id uint16, v any) error {
	c.flags.set(encoding)
	defer c.flags.clear(encoding)
	b, err := c.encode(out.B, t, id, v)
	if err == nil {
		out.B = b
	}
	return err
}

// sendable reports whether the conn is in a state to send a packet of type t,
// nil if that is not known. Internal packets of the program may go before the
// handshake is done, where they may also come.
func (c *Conn) sendable(t *registry.Type) error {
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
	if err := c.sendable(t); err != nil {
		return 0, err
	}
	id, ok := c.table().WireID(t)
	if !ok {
		return 0, c.notOnWire(t)
	}
	return id, nil
}

// notOnWire tells a packet that the other side was not told from one that is
// not this side's at all.
func (c *Conn) notOnWire(t *registry.Type) error {
	if _, err := c.peer.reg.Lookup(t); err != nil {
		return fmt.Errorf("%w: %s is of another registry, or was removed", ErrNoPacket, t.Name())
	}
	return fmt.Errorf("%w: %s", ErrNotOnWire, t.Name())
}

// fits reports whether a frame of n bytes, id included, may be sent: the other side takes
// it, and it could wait.
func (c *Conn) fits(t *registry.Type, n int) error {
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

// tooLarge is the error for a frame of n bytes, id included, of which most may be sent.
func (c *Conn) tooLarge(t *registry.Type, n, most int) error {
	name := "packet"
	if t != nil {
		name = t.Name()
	}
	return &SizeError{Packet: name, Length: n, Max: most}
}

func (c *Conn) scratch() *engine.Buffer  { return c.peer.reactor.Buffers().Get() }
func (c *Conn) release(b *engine.Buffer) { c.peer.reactor.Buffers().Put(b) }
