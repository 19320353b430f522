package peer

// SchemeConn: a conn as the transport of its Scheme has it, and what the engine calls while
// the scheme's own handshake is not done. Until then the conn is a half-open socket: the
// program does not hear of it, and where the handshake fails it never does.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/engine"
)

// SchemeConn is a conn as the transport of its Scheme has it. Its methods are for the conn's
// loop.
type SchemeConn struct {
	conn   *Conn
	scheme *Scheme
}

// schemeHandler is a SchemeConn as the engine's handler. It is a type of its own so that
// SchemeConn does not export these methods.
type schemeHandler SchemeConn

// handlerOver is what the engine calls for c over a socket that speaks s; nil: no scheme.
func (c *Conn) handlerOver(s *Scheme) engine.Handler {
	if s == nil {
		return c.engineHandler()
	}
	c.mark(notReady)
	return &schemeHandler{c, s}
}

// Conn is the conn. Before Ready it has an ID, addresses and credentials, and nothing can be
// sent on it.
func (s *SchemeConn) Conn() *Conn { return s.conn }

// IsClient reports whether this side has connected, and is not the one that has listened.
func (s *SchemeConn) IsClient() bool { return s.conn.peer.client }

// Ready says that the scheme's handshake is done. The conn begins its own before Ready returns.
// Input may be delivered from now on. On the loop only.
func (s *SchemeConn) Ready() {
	c := s.conn
	if c.marked(aborted) || !c.unmark(notReady) {
		return
	}
	if c.marked(overScheme) { // else Opened is about to be called
		c.callProgram((*engineHandler)(c).begin)
	}
}

// Refuse ends the conn because of err before it is ready. What was written to the inner
// transport is sent before, and the other side has a second to read it. On the loop only.
func (s *SchemeConn) Refuse(err error) {
	if c := s.conn; c.marked(notReady) {
		c.makeRare().why = err
		c.link.Finish(faultGrace)
	}
}

// Fault ends the conn because the other side has broken a rule of the scheme: it is told the
// reason, and OnLost is told a Fault of both. A conn that is not ready is refused. On the loop
// only.
func (s *SchemeConn) Fault(reason Reason, err error) {
	if s.conn.marked(notReady) {
		s.Refuse(err)
		return
	}
	s.conn.fault(reason, err)
}

// Flush sends what was sent on the conn, where the transport is about to end it: not while
// input is delivered, or in a Write. On the loop only.
func (s *SchemeConn) Flush() { s.conn.link.Flush() }

// ShowToken notes what the other side has shown of who it is in the scheme's handshake. It is
// the Token that Authenticate is called with, unless the handshake of the conn brings another
// one. It is called before Ready, and copies the token. On the loop only.
func (s *SchemeConn) ShowToken(token []byte) {
	s.conn.makeRare().token = append([]byte{}, token...)
}

// Why is what OnLost was told, nil before that. On the loop only.
func (s *SchemeConn) Why() error {
	if rare := s.conn.rare.Load(); rare != nil {
		return rare.why
	}
	return nil
}

func (s *schemeHandler) under() *engineHandler { return (*engineHandler)(s.conn) }

// Wrap implements engine.Wrapper: the scheme's transport lies next to the socket.
func (s *schemeHandler) Wrap(_ *engine.Conn, inner engine.Transport) engine.Transport {
	tr := s.scheme.Open((*SchemeConn)(s), inner)
	if f := s.conn.peer.cfg.Wrap; f != nil {
		if own := f(s.conn, tr); own != nil {
			return own
		}
	}
	return tr
}

// Opened implements engine.Handler. The scheme's handshake has as long as that of the conn.
func (s *schemeHandler) Opened(*engine.Conn) {
	c := s.conn
	if !s.under().enter() {
		return
	}
	c.mark(overScheme)
	if !c.marked(notReady) {
		s.under().begin()
		return
	}
	c.armHandshakeDeadline()
}

// Expired implements engine.Handler.
func (s *schemeHandler) Expired(l *engine.Conn) {
	if s.conn.marked(notReady) {
		l.Abort(ErrHandshakeTimeout)
		return
	}
	s.under().Expired(l)
}

// Drain implements engine.Handler.
func (s *schemeHandler) Drain(l *engine.Conn) {
	if s.conn.marked(notReady) {
		l.Abort(ErrClosed)
		return
	}
	s.under().Drain(l)
}

// Closed implements engine.Handler.
func (s *schemeHandler) Closed(l *engine.Conn, err error) {
	c := s.conn
	if !c.marked(notReady) {
		s.under().Closed(l, err)
		return
	}
	c.advance(transportGone)
	if why := (*SchemeConn)(s).Why(); why != nil {
		err = why
	}
	if err == nil {
		err = ErrClosed
	}
	madeRoom := c.peer.admission.release(c.admitted) != nil // then it is counted already
	c.peer.removeConn(c)
	if !c.peer.client && !madeRoom && !errors.Is(err, ErrClosed) {
		c.peer.noteSchemeFailed(c, err)
	}
	c.finishConnect(fmt.Errorf("%w: %w", ErrScheme, err))
}

// NotOpened implements engine.Unopened.
func (s *schemeHandler) NotOpened(l *engine.Conn, err error) { s.under().NotOpened(l, err) }

// Failed implements engine.Failer.
func (s *schemeHandler) Failed(l *engine.Conn, err error) {
	if s.conn.marked(notReady) {
		l.Abort(err)
		return
	}
	s.under().Failed(l, err)
}

// Received implements engine.Handler.
func (s *schemeHandler) Received(l *engine.Conn, b []byte) (n int) { return s.under().Received(l, b) }

// Pressure implements engine.Handler.
func (s *schemeHandler) Pressure(l *engine.Conn, above bool) { s.under().Pressure(l, above) }

// Message implements engine.Framer.
func (s *schemeHandler) Message(b []byte) int { return s.under().Message(b) }

// noteSchemeFailed counts and logs a socket whose scheme's handshake failed because of err.
func (p *Peer) noteSchemeFailed(c *Conn, err error) {
	p.stats.refused(ErrScheme)
	p.logLine(levelRefused(err), "handshake of the scheme failed", "remote", c.RemoteAddr(), "err", err)
}

// Count implements engine.Counter.
func (s *schemeHandler) Count(b []byte, back bool) { s.under().Count(b, back) }
