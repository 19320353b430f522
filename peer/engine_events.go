package peer

// What the engine tells a conn: it is open, input came, its deadline has passed, it is
// closed. These methods are the only ones of a conn that the engine calls.

import (
	"encoding/binary"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// engineHandler is a Conn as the engine's handler. It is a type of its own so that Conn
// does not export these methods.
type engineHandler Conn

func (s *engineHandler) conn() *Conn { return (*Conn)(s) }

// wrappingHandler is the handler of a conn whose peer has Config.Wrap.
type wrappingHandler struct{ *engineHandler }

// Wrap implements engine.Wrapper.
func (w wrappingHandler) Wrap(_ *engine.Conn, inner engine.Transport) engine.Transport {
	return w.peer.cfg.Wrap(w.conn(), inner)
}

// engineHandler is what the engine calls for c.
func (c *Conn) engineHandler() engine.Handler {
	if c.peer.cfg.Wrap != nil {
		return wrappingHandler{(*engineHandler)(c)}
	}
	return (*engineHandler)(c)
}

// Opened implements engine.Handler.
func (s *engineHandler) Opened(*engine.Conn) {
	if s.enter() {
		s.begin()
	}
}

// enter adds the conn to its peer, unless it has no place there.
func (s *engineHandler) enter() bool {
	c := s.conn()
	p := c.peer
	if err := p.addConn(c); err != nil {
		c.Abort(err)
		return false
	}
	if !p.admission.setEnd(c.admitted, c.endHalfOpen) {
		c.Abort(p.admission.release(c.admitted))
		return false
	}
	return true
}

// begin tells the program that the conn is open, and begins its handshake.
func (s *engineHandler) begin() {
	c := s.conn()
	p := c.peer
	skips := p.cfg.SkipHandshake
	if f := p.cfg.OnOpen; f != nil {
		before := c.State()
		c.mark(inOnOpen)
		f(c)
		c.unmark(inOnOpen)
		skips = skips || before != Active && c.State() == Active
	}
	c.link.SetDelayOutput(p.cfg.Overflow == registry.DropOldest || p.ownPubIDs(p.reg.Table()).dropsOldest)
	if skips {
		c.skipHandshake()
	} else {
		c.beginHandshake()
	}
}

// Drain implements engine.Handler. If both ends of a memory conn are drained, only the
// server's softquits: if both did, each would drop what the other still sends.
func (s *engineHandler) Drain(*engine.Conn) {
	c := s.conn()
	if far := c.server(); far != nil && far.reactor == c.peer.reactor {
		return
	}
	if !c.flags.has(lost) {
		c.quitWith(c.farewell(), nil)
	}
}

// NotOpened implements engine.Unopened.
func (s *engineHandler) NotOpened(_ *engine.Conn, err error) {
	c := s.conn()
	if c.peer.admission.release(c.admitted) == nil { // else it was closed, and counted, to make room
		c.peer.noteRefused(c.RemoteAddr(), err)
	}
}

// Closed implements engine.Handler.
func (s *engineHandler) Closed(_ *engine.Conn, err error) {
	c := s.conn()
	c.dropPartialFrame()
	c.advance(transportGone)
	if err == nil {
		err = engine.ErrClosed
	}
	err = c.explainRefusal(err)
	defer c.leavePeer()
	c.noteUnsent(c.link.Unsent())
	if !c.flags.has(lost) {
		c.flags.set(lost)
		c.makeRare().why = err
		c.callOnLost(err)
	}
}

// Failed implements engine.Failer.
func (s *engineHandler) Failed(of *engine.Conn, err error) {
	c := s.conn()
	if of != nil { // the engine's own callback, and not callProgram
		c.countPanic()
	}
	if p, ok := err.(*engine.PanicError); ok {
		c.peer.logPanic(c, p)
	}
	c.fault(ReasonHandler, err)
}

// Expired implements engine.Handler.
func (s *engineHandler) Expired(*engine.Conn) { s.conn().expired() }

// Received implements engine.Handler.
func (s *engineHandler) Received(_ *engine.Conn, b []byte) (n int) {
	c := s.conn()
	if c.flags.has(inputKept) {
		return c.keepInput(b)
	}
	return c.receive(b)
}

// Message implements engine.Framer: a message is a frame.
func (s *engineHandler) Message(b []byte) int {
	if len(b) < codec.HeaderSize {
		return len(b)
	}
	return codec.LengthSize + int(binary.BigEndian.Uint32(b))
}

// Pressure implements engine.Handler.
func (s *engineHandler) Pressure(_ *engine.Conn, above bool) {
	c := s.conn()
	c.settleCounts() // so that a panic in what is told is not counted as a packet's
	c.makeRare().overPressure = above
	c.tellPressure()
}
