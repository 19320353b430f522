package peer

// An accepted socket of which something is read before its conn is opened: a PROXY header,
// the first byte at a listener on any://, a TLS handshake, in this order. A goroutine of the
// socket's own reads it, because all take as long as the other side likes, and a loop waits for
// nobody. Which sockets begin with a PROXY header is in proxy_header.go, and what the first byte
// tells in first_byte.go.

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/registry"
)

// acceptedSocket is such a socket, until it is a conn or is closed.
type acceptedSocket struct {
	// Set once.
	peer    *Peer
	from    *reception // of its listener
	nc      net.Conn   // what lies below TLS
	proxied bool       // it begins with a PROXY header

	// Of the goroutine that reads.
	tls      *tls.Conn       // nil: no TLS
	secured  net.Conn        // tls, with what was read of it; nil: nothing was
	scheme   *Scheme         // that is spoken; nil: none
	remote   net.Addr        // the client's address; the socket's own until the header says otherwise
	proxy    net.Addr        // the socket's own address if the header has said otherwise
	admitted *admittedSocket // what it is counted as
	read     []byte          // of the PROXY header
	refuse   func()          // counts and logs the error that ends it
	err      error           // why it ends; nil: it becomes a conn
}

// newAcceptedSocket is nc, which the listener has accepted. If it is known that TLS is spoken
// over it, tc is the conn over nc, else nil.
func (r *reception) newAcceptedSocket(nc net.Conn, tc *tls.Conn) *acceptedSocket {
	remote := nc.RemoteAddr()
	return &acceptedSocket{peer: r.peer, from: r, nc: nc, tls: tc, scheme: r.scheme, proxied: r.peer.isProxy(remote), remote: remote}
}

// begin admits the socket and has it read, or refuses it.
func (s *acceptedSocket) begin() {
	p := s.peer
	countedAs := s.remote
	if s.proxied {
		countedAs = nil // until the header says as what
	}
	s.admitted, s.err = p.admit(s.nc, countedAs)
	if s.err == nil && !s.from.unopened.add(s.nc, s.admitted) {
		p.admission.release(s.admitted)
		s.err = ErrClosed
	}
	if s.err != nil {
		p.noteRefused(s.remote, s.err) // before the other side can know
		s.nc.Close()
		return
	}
	go s.prepare()
}

// prepare reads what comes before the conn, and then calls finish, also when the program's
// code in a tls.Config or a net.Conn panics or ends the goroutine.
func (s *acceptedSocket) prepare() {
	defer s.finish()
	guard.Call(func() {
		ctx, cancel := context.WithTimeout(s.peer.lifetime, s.peer.cfg.Handshake)
		defer cancel()
		if s.proxied {
			s.readProxyHeader(ctx)
		}
		deadline, _ := ctx.Deadline()
		if s.from.any && s.err == nil {
			s.tellApart(deadline)
		}
		if s.tls != nil && s.err == nil {
			s.refuse = s.refuseTLS
			s.err = s.tls.HandshakeContext(ctx)
		}
		if s.from.any && s.tls != nil && s.err == nil {
			s.tellApartInTLS(deadline)
		}
	}, func(v any) { s.err = failure(v) })
}

// finish opens a conn over the socket, or closes the socket because of s.err.
func (s *acceptedSocket) finish() {
	p := s.peer
	defer s.from.unopened.remove(s.nc)
	if s.err == nil && s.from.unopened.remove(s.nc) { // from here on it does not end with its listener
		s.open()
		return
	}
	if p.admission.release(s.admitted) == nil && !s.from.unopened.isClosed() { // else its end was counted, or is the listener's
		s.refuse()
	}
	s.closeAfterFailure()
}

// open opens a conn over the socket.
func (s *acceptedSocket) open() {
	p := s.peer
	c, err := p.newConn()
	if err != nil {
		p.admission.release(s.admitted)
		p.noteRefused(s.remote, err)
		s.nc.Close()
		return
	}
	c.admitted = s.admitted
	s.noteProxy(c)
	if s.tls == nil {
		if _, isUnix := s.nc.(*net.UnixConn); !isUnix { // the proxy's process is not the client's
			c.noteCredentials(s.nc)
		}
		p.reactor.Enrol(bare(s.nc), &c.link, c.handlerOver(s.scheme)) // NotOpened is told if it fails
		return
	}
	p.admission.progressed(s.admitted)
	if s.secured == nil {
		s.secured = s.tls
	}
	if err := p.injectOver(c, s.secured, s.scheme); err != nil {
		p.admission.release(s.admitted)
		p.noteRefused(s.remote, err)
	}
}

// closeAfterFailure closes the socket. It gives the other side faultGrace to read what it was
// told, by TLS or by a softquit: a socket that is closed with input unread is reset, and what
// was sent can be lost.
func (s *acceptedSocket) closeAfterFailure() {
	defer s.nc.Close()
	if s.nc.SetDeadline(time.Now().Add(faultGrace)) != nil {
		return
	}
	if reason := s.softquitReason(); reason != "" {
		s.nc.Write(codec.AppendFrame(nil, registry.IDSoftquit, softquitMsg{reason}.append(nil)))
	}
	if c, ok := s.nc.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
	io.CopyN(io.Discard, s.nc, 64<<10)
}

// softquitReason is what a side is told that speaks packetmq where something else has to come
// first. It is empty if the other side does not speak packetmq, as far as can be told.
func (s *acceptedSocket) softquitReason() Reason {
	switch {
	case beginsFrame(s.read):
		return ReasonProxy
	case s.tls != nil && beginsFrame(notTLS(s.err)):
		return ReasonTLS
	}
	return ""
}

// beginsFrame reports whether b is the beginning of a frame as a handshake begins with one:
// its length is below 256 bytes. Neither TLS nor a PROXY header begins so.
func beginsFrame(b []byte) bool {
	n := min(len(b), 3)
	return n > 0 && string(b[:n]) == "\x00\x00\x00"[:n]
}
