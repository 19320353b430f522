package peer

// The door to everything that names packets, and conns, by values of any type: for
// ports of Python programs and for tools.

import (
	"context"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// UntypedPeer is a peer for ports of Python programs and for tools: conns and packets
// are named by values of any type, and the compiler checks none of them. A call with
// its arguments swapped compiles. Other programs use the functions Handle, Send,
// Reply, SendTo, SendWait and Broadcast.
//
// A conn is named by itself, by its number as an integer of any kind, by the peer that
// it goes to in memory, or by nil: the Default of a client. ErrNoConn means that there
// is no such conn.
//
// A packet is named by its name, its id, its object, its *registry.Type or its
// registry.Packet, as for Registry.Lookup. Its value is anything that msgpack can
// carry, or that the packet's hooks make of it. For a packet that has a Go type T it is
// a T, a *T, or what is exactly a T, such as a map of its fields; anything else is a
// *ValueError.
type UntypedPeer struct{ p *Peer }

// Untyped is the peer with its conns and packets named by values of any type.
func (p *Peer) Untyped() UntypedPeer { return UntypedPeer{p} }

// Send is UntypedConn.Send on the conn that to names.
func (u UntypedPeer) Send(to, packet, v any) error {
	c, err := u.p.resolve(to)
	if err != nil {
		return err
	}
	return c.Untyped().Send(packet, v)
}

// SendEncoded is UntypedConn.SendEncoded on the conn that to names.
func (u UntypedPeer) SendEncoded(to any, raw []byte) error {
	c, err := u.p.resolve(to)
	if err != nil {
		return err
	}
	return c.Untyped().SendEncoded(raw)
}

// Broadcast is the function Broadcast for a packet that is named.
func (u UntypedPeer) Broadcast(packet, v any, except ...*Conn) error {
	if err := u.p.check(); err != nil {
		return err
	}
	t, err := u.p.reg.Lookup(packet)
	if err != nil {
		return err
	}
	return u.p.broadcast(t, v, except)
}

// Encode is the function Encode for a packet that is named.
func (u UntypedPeer) Encode(packet, v any) (*Encoded, error) {
	if err := u.p.check(); err != nil {
		return nil, err
	}
	t, err := u.p.reg.Lookup(packet)
	if err != nil {
		return nil, err
	}
	return u.p.encode(t, v)
}

// RecvPacket is UntypedConn.RecvPacket on the conn that from names.
func (u UntypedPeer) RecvPacket(from, packet, v any) error {
	c, err := u.p.resolve(from)
	if err != nil {
		return err
	}
	return c.Untyped().RecvPacket(packet, v)
}

// RecvEncoded is UntypedConn.RecvEncoded on the conn that from names.
func (u UntypedPeer) RecvEncoded(from any, raw []byte) error {
	c, err := u.p.resolve(from)
	if err != nil {
		return err
	}
	return c.Untyped().RecvEncoded(raw)
}

// Softquit is Conn.Softquit on the conn that to names.
func (u UntypedPeer) Softquit(to any, reason Reason) error {
	c, err := u.p.resolve(to)
	if err != nil {
		return err
	}
	return c.Softquit(reason)
}

// Disconnect is Softquit with ReasonGeneric.
func (u UntypedPeer) Disconnect(from any) error { return u.Softquit(from, ReasonGeneric) }

// Handle has fn called with every packet of the one that is named, decoded: into what
// the packet object's NewValue returns, or into the packet's Go type, or else into nil,
// bool, int64, uint64, float64, string, []byte, []any, map[string]any or map[any]any.
// It replaces an earlier handler, and panics where the function Handle does.
func (u UntypedPeer) Handle(packet any, fn func(c *Conn, v any) error, opts ...HandleOption) {
	p, t := u.handled("UntypedPeer.Handle", packet, fn == nil)
	p.setHandler(t, &handler{
		direct: func(c *Conn, payload []byte) error {
			v, err := p.decode(t, payload)
			if err != nil {
				return err
			}
			return fn(c, v)
		},
		decoded: func(c *Conn, _ []byte, v any) error { return fn(c, v) },
	}, "UntypedPeer.Handle", opts)
}

// HandleRaw is the function HandleRaw for a packet that is named.
func (u UntypedPeer) HandleRaw(packet any, fn func(c *Conn, payload []byte) error, opts ...HandleOption) {
	p, t := u.handled("UntypedPeer.HandleRaw", packet, fn == nil)
	p.setHandler(t, rawHandler(fn), "UntypedPeer.HandleRaw", opts)
}

// handled is the peer and the packet that a handler is for.
func (u UntypedPeer) handled(call string, packet any, isNil bool) (*Peer, *registry.Type) {
	mustHandle(call, u.p.check())
	t, err := u.p.reg.Lookup(packet)
	if isNil {
		err = ErrNoHandler
	}
	mustHandle(call, err)
	return u.p, t
}

// UntypedConn is a conn for ports of Python programs and for tools: packets are named,
// and values given, as in UntypedPeer.
type UntypedConn struct{ c *Conn }

// Untyped is the conn with its packets named by values of any type.
func (c *Conn) Untyped() UntypedConn { return UntypedConn{c} }

// named is the type of a packet that is named.
func (u UntypedConn) named(packet any) (*registry.Type, error) {
	if err := u.c.check(); err != nil {
		return nil, err
	}
	return u.c.peer.reg.Lookup(packet)
}

// Send sends v as a packet. It is encoded before Send returns. Any goroutine may call
// it; it never blocks.
func (u UntypedConn) Send(packet, v any) error {
	t, err := u.named(packet)
	if err != nil {
		return err
	}
	return u.c.send(t, v)
}

// Reply is the function Reply for a packet that is named. On the conn's loop only.
func (u UntypedConn) Reply(packet, v any) error {
	if err := u.c.check(); err != nil {
		return err
	}
	u.c.mustBeOnLoop("UntypedConn.Reply")
	t, err := u.named(packet)
	if err != nil {
		return err
	}
	return u.c.reply(t, v)
}

// SendWait is the function SendWait for a packet that is named.
func (u UntypedConn) SendWait(ctx context.Context, packet, v any) error {
	t, err := u.named(packet)
	if err != nil {
		return err
	}
	if ctx == nil {
		return errNilContext
	}
	return u.c.sendBy(roomWait{ctx}, t, v)
}

// SendEncoded sends raw, a packet id and its payload as they go on the wire. They are
// not checked. Any goroutine may call it; the bytes are copied.
func (u UntypedConn) SendEncoded(raw []byte) error {
	c := u.c
	if err := c.check(); err != nil {
		return err
	}
	if len(raw) < codec.IDSize {
		return codec.ErrShortFrame
	}
	if err := c.checkSendable(nil); err != nil {
		return err
	}
	f := codec.Frame(raw)
	b := c.getBuffer()
	defer c.putBuffer(b)
	b.B = codec.AppendFrame(b.B, f.ID(), f.Payload())
	return c.queueFrame(c.table().Type(f.ID()), b.B)
}

// RecvEncoded handles raw, a packet id and its payload, as if it had come from the
// other side, after what the loop is doing now. The bytes are copied. A *codec.SizeError says
// that they are more than Config.MaxFrame, as a frame of the other side's may not be.
func (u UntypedConn) RecvEncoded(raw []byte) error {
	c := u.c
	if err := c.check(); err != nil {
		return err
	}
	if len(raw) < codec.IDSize {
		return codec.ErrShortFrame
	}
	if most := c.peer.cfg.MaxFrame; len(raw) > most {
		return &codec.SizeError{Length: int64(len(raw)), Max: most}
	}
	f := codec.Frame(append([]byte(nil), raw...))
	return c.post(func() { c.handleFrame(c.table(), f) })
}

// RecvPacket handles v, a decoded packet, as if it had come from the other side, after
// what the loop is doing now.
func (u UntypedConn) RecvPacket(packet, v any) error {
	t, err := u.named(packet)
	if err != nil {
		return err
	}
	c := u.c
	h, err := c.peer.decodedHandler(t)
	if err != nil {
		return err
	}
	if v, err = c.peer.convertReceived(t, v); err != nil {
		return err
	}
	return c.post(func() {
		if c.admitPacket(t, t.ID()) {
			c.endFor(c.handleDecoded(t, h, nil, v))
		}
	})
}

// Knows is Conn.Knows for a packet that is named.
func (u UntypedConn) Knows(packet any) bool {
	t, err := u.named(packet)
	return err == nil && u.c.knows(t)
}

// SetState puts the conn into a state, and does nothing else: no packet is sent and no
// callback is called. From Softquitted there is no way back: such a call does nothing, nor
// does one with a State that is none. With Config.Authenticate only OnOpen can make a conn
// Active, and Authenticate is asked about it all the same. Programs that have a handshake of
// their own call Conn.SkipHandshake.
func (u UntypedConn) SetState(s State) {
	c := u.c
	if c.check() != nil {
		return
	}
	var needs marks
	if s == Active && c.peer.cfg.Authenticate != nil {
		needs = inOnOpen
	}
	if s <= Disconnected {
		c.advanceFrom(c.life.Load(), setBy(s), needs)
	}
}
