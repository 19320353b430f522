package peer

// How input becomes frames: they are cut from it where it lies. A frame of which only a
// part has come is gathered in memory of its own. packet_in.go and fastpath_in.go handle frames.

import (
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// receive handles the frames in b one after the other, until the conn has had its share of
// the turn or is paused. It returns how many bytes of b are done with.
func (c *Conn) receive(b []byte) (n int) {
	packets := 0
	for n < len(b) {
		used, k := c.fastPath(b[n:], turnPackets-packets)
		if k == 0 {
			used, k = c.fastPathInside(b[n:], turnPackets-packets)
		}
		if k == 0 {
			if c.isPaused() { // asked here, since a paused conn has no fast path
				c.pauseLink() // the goroutine that paused it may be interrupted before it tells the engine
				break
			}
			used, k = c.handleOne(b[n:])
		}
		n += used
		packets += k
		switch {
		case n == len(b):
		case c.ignoresInput():
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

// ignoresInput reports whether input is dropped, since the conn is at its end.
func (c *Conn) ignoresInput() bool { return c.flags.has(inputEnded) || c.marked(aborted) }

// handleOne handles the frame at the front of b, or gathers it if it is not whole. It returns
// how many bytes it took, and how many frames, one or none.
func (c *Conn) handleOne(b []byte) (n, packets int) {
	gathered := c.partialFrame // where the frame lies if it is whole now; nil: it lies in b
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

// cutFrame takes the frame at the front of b, n bytes of it. If the frame is not whole, cutFrame
// gathers it and returns nil. A gathered frame stays valid until the Reset of its partialFrame.
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
		c.partialFrame = nil // handleOne resets it when f was handled
	} else {
		c.link.Keep(&c.partialFrame.memory, c.partialFrame.Held())
	}
	return f, n, err
}

// partialFrame gathers a frame of which only a part has come.
type partialFrame struct {
	codec.Reader
	memory engine.Kept // what it takes, in the account of all conns
}

// dropPartialFrame gives back the memory of a frame that will not be whole.
func (c *Conn) dropPartialFrame() {
	if c.partialFrame != nil {
		c.link.Keep(&c.partialFrame.memory, 0)
		c.partialFrame.Reset()
		c.partialFrame = nil
	}
}

// handleFrame handles one frame, by way of Config.EncodedIn.
func (c *Conn) handleFrame(table *registry.Table, f codec.Frame) {
	if !c.flags.has(made) && c.waitsForPause(table, f) {
		return
	}
	if c.peer.cfg.EncodedIn != nil && c.isProgramID(f.ID()) {
		if f = c.encodedIn(table, f); f == nil {
			return
		}
	}
	c.handleAfterEncodedIn(table, f)
}

// post calls fn on the loop, after what the loop is doing now, unless the conn is at its end
// by then.
func (c *Conn) post(fn func()) error {
	return c.link.Loop().Post(func() {
		if c.ignoresInput() || c.State() == Disconnected {
			return
		}
		c.callProgram(fn)
	})
}
