package peer

// Frames are cut from the input here, where it lies; deliver.go does the rest.

import (
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// receive cuts frames from b in place and handles them one by one, until the conn
// has had its share of the turn. It returns how many bytes of b it has handled.
func (c *Conn) receive(b []byte) (n int) {
	packets := 0
	for n < len(b) {
		used, k := c.fastPath(b[n:], turnPackets-packets)
		if k == 0 {
			used, k = c.handleOne(b[n:])
		}
		n += used
		packets += k
		switch {
		case n == len(b):
		case c.flags.has(inputEnded) || c.marked(aborted):
			return len(b)
		case c.flags.has(inputKept) && c.makeRare().admit != nil:
			return n + c.keepInput(b[n:])
		case packets == turnPackets || n >= turnBytes || c.link.Loop().Halted():
			c.noteInput(packets)
			return n
		}
	}
	c.noteInput(packets)
	return n
}

// handleOne handles one frame of any kind, or keeps the part of one that is there.
func (c *Conn) handleOne(b []byte) (n, packets int) {
	gathered := c.partialFrame // nil: the frame lies in b
	f, n, err := c.cutFrame(b)
	switch {
	case err != nil:
		c.fault(ReasonFrame, err)
	case f != nil:
		c.handleFrame(c.table(), f)
		if packets = 1; gathered != nil {
			gathered.Reset()
		}
	}
	return n, packets
}

// cutFrame takes a frame from the front of b, or keeps what there is of it.
func (c *Conn) cutFrame(b []byte) (f codec.Frame, n int, err error) {
	if c.partialFrame == nil {
		var check func(uint16, int) error
		if c.flags.has(handshaking) {
			check = checkHandshakeFrame
		}
		f, n, err = codec.Cut(b, c.peer.cfg.MaxFrame, check)
		if f != nil || err != nil {
			return f, n, err
		}
		spares := &c.peer.spareBuffers[c.link.Loop().Index()]
		c.partialFrame = &partialFrame{Reader: codec.Reader{Max: c.peer.cfg.MaxFrame, Check: check, Spares: spares}}
	}
	if f, n, err = c.partialFrame.Next(b); f != nil || err != nil {
		c.link.Keep(&c.partialFrame.memory, 0)
		c.partialFrame = nil // f lies there until it was handled
	} else {
		c.link.Keep(&c.partialFrame.memory, c.partialFrame.Held())
	}
	return f, n, err
}

// partialFrame is a frame of which the rest has not come.
type partialFrame struct {
	codec.Reader
	memory engine.Kept
}

// dropPartialFrame gives back what is kept of a frame.
func (c *Conn) dropPartialFrame() {
	if c.partialFrame != nil {
		c.link.Keep(&c.partialFrame.memory, 0)
		c.partialFrame.Reset()
		c.partialFrame = nil
	}
}

// handleFrame handles one frame.
func (c *Conn) handleFrame(table *registry.Table, f codec.Frame) {
	if c.peer.cfg.EncodedIn != nil && ofProgram(f.ID()) {
		if f = c.encodedIn(table, f); f == nil {
			return
		}
	}
	c.handleAfterEncodedIn(table, f)
}

// RecvEncoded handles raw, a packet id and its payload, as if it had come from
// the other side, behind what the loop is doing now. The bytes are copied.
func (c *Conn) RecvEncoded(raw []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	if len(raw) < codec.IDSize {
		return codec.ErrShortFrame
	}
	f := codec.Frame(append([]byte(nil), raw...))
	return c.soon(func() { c.handleFrame(c.table(), f) })
}

// RecvPacket handles v, a decoded packet, as if it had come from the other
// side, behind what the loop is doing now. The packet is named like in Send.
func (c *Conn) RecvPacket(packet, v any) error {
	if err := c.check(); err != nil {
		return err
	}
	t, err := c.peer.reg.Lookup(packet)
	if err != nil {
		return err
	}
	h, err := c.peer.decodedHandler(t)
	if err != nil {
		return err
	}
	if v, err = c.peer.convertReceived(t, v); err != nil {
		return err
	}
	return c.soon(func() {
		if c.admitPacket(t, t.ID()) {
			c.endFor(c.handleDecoded(t, h, v))
		}
	})
}

// soon calls fn on the loop unless the conn has ended by then.
func (c *Conn) soon(fn func()) error {
	return c.link.Loop().Post(func() {
		if c.flags.has(inputEnded) || c.marked(aborted) || c.State() == Disconnected {
			return
		}
		returned := false
		defer c.caught(&returned)
		fn()
		returned = true
	})
}
