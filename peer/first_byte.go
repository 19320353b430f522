package peer

// Listeners on any://: what is spoken over a socket is told by its first byte. The first byte
// of a frame is at most 0x15 there, because it begins the frame's length; that of TLS is 0x16;
// and a Scheme says which bytes are its own.

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// tellApart waits for the first byte of the socket, and notes what is spoken over it. The byte
// stays in the socket.
func (s *acceptedSocket) tellApart(deadline time.Time) {
	s.refuse = s.refuseSilent
	if s.err = s.nc.SetReadDeadline(deadline); s.err != nil {
		return
	}
	var first byte
	if first, s.err = peekByte(s.nc); s.err != nil {
		return
	}
	if s.err = s.nc.SetReadDeadline(time.Time{}); s.err != nil {
		return
	}
	if first == tlsHandshake && s.from.tls != nil {
		s.tls = tls.Server(s.nc, s.from.tls)
		return
	}
	s.scheme = s.peer.schemeBeginning(first, false)
}

// tellApartInTLS does so for what is spoken over TLS, whose handshake is done. The byte is
// taken, and s.secured begins with it.
func (s *acceptedSocket) tellApartInTLS(deadline time.Time) {
	s.refuse = s.refuseSilent
	if s.err = s.tls.SetReadDeadline(deadline); s.err != nil {
		return
	}
	var first [1]byte
	if _, s.err = io.ReadFull(s.tls, first[:]); s.err != nil {
		return
	}
	s.secured = &begunConn{Conn: s.tls, first: first[0], begun: true}
	s.scheme = s.peer.schemeBeginning(first[0], true)
}

// refuseSilent counts and logs a socket that has not said a byte.
func (s *acceptedSocket) refuseSilent() {
	if errors.Is(s.err, os.ErrDeadlineExceeded) {
		s.err = ErrHandshakeTimeout
	}
	s.peer.stats.refused(ErrScheme)
	s.peer.logLine(levelRefused(s.err), "socket did not begin", "remote", s.remote, "err", s.err)
	s.nc.Close()
}

// begunConn is a TLS conn of which the first byte was read already.
type begunConn struct {
	*tls.Conn
	first byte
	begun bool // first is to be read
}

// Read reads the first byte alone, and then what follows it.
func (c *begunConn) Read(b []byte) (int, error) {
	if !c.begun || len(b) == 0 {
		return c.Conn.Read(b)
	}
	b[0], c.begun = c.first, false
	return 1, nil
}

var _ net.Conn = (*begunConn)(nil)
