package peer

// For each hook of Config.Hooks a method of Conn, of the same name, that does what comes
// after the hook. A hook calls it when it has more to do afterwards, or has several packets
// to send on. The hook then returns ErrDrop, so that its packet does not go on twice.

import (
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// EncodedIn handles raw, a packet id and its payload, as what Config.EncodedIn
// returns is handled. What is wrong with it ends the conn. On the conn's loop
// only; raw is valid during the call.
func (c *Conn) EncodedIn(raw []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	c.mustBeOnLoop("Conn.EncodedIn")
	if len(raw) < codec.IDSize {
		return codec.ErrShortFrame
	}
	if c.flags.has(inputEnded) || c.State() >= Softquitted {
		return ErrNotActive
	}
	c.handleAfterEncodedIn(c.table(), codec.Frame(raw))
	return nil
}

// PacketIn gives a decoded packet to its object's OnReceive and its handler, as
// what Config.PacketIn returns is given, and returns their error: ErrNotActive
// where such a packet could not be handled if it came. On the conn's loop only.
func (c *Conn) PacketIn(t *registry.Type, v any) error {
	if err := c.check(); err != nil {
		return err
	}
	c.mustBeOnLoop("Conn.PacketIn")
	h, err := c.peer.decodedHandler(t)
	if err != nil {
		return err
	}
	if c.flags.has(inputEnded) || !c.isEarly(t) && (c.State() != Active || !c.flags.has(made)) {
		return ErrNotActive
	}
	if v, err = c.peer.convertReceived(t, v); err != nil {
		return err
	}
	return c.handleAfterPacketIn(t, h, nil, v)
}

// PacketOut encodes and sends v, as what Config.PacketOut returns is sent. Any
// goroutine may call it.
func (c *Conn) PacketOut(t *registry.Type, v any) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.encodeAndSend(roomWait{}, t, v)
}

// EncodedOut sends raw, a packet id and its payload, as what Config.EncodedOut
// returns is sent. Any goroutine may call it; the bytes are copied.
func (c *Conn) EncodedOut(raw []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	if len(raw) < codec.IDSize {
		return codec.ErrShortFrame
	}
	f := codec.Frame(raw)
	t := c.table().Type(f.ID())
	if err := c.checkSendable(t); err != nil {
		return err
	}
	if err := c.checkSize(t, len(raw)); err != nil {
		return err
	}
	b := c.getBuffer()
	defer c.putBuffer(b)
	b.B = codec.AppendFrame(b.B, f.ID(), f.Payload())
	c.peer.logPacket(c, Sent, t, f.Payload())
	return c.queueOrOverflow(t, b.B)
}

// decodedHandler is what handles decoded packets of t, nil if nothing does.
func (p *Peer) decodedHandler(t *registry.Type) (*handler, error) {
	if _, err := p.reg.Lookup(t); err != nil {
		return nil, err
	}
	h := p.handler(t)
	if h != nil && h.decoded == nil {
		return nil, fmt.Errorf("peer: %s has a handler of encoded packets; use UntypedConn.RecvEncoded", t.Name())
	}
	return h, nil
}
