package peer

// Scheme: a protocol between a socket and the conns over it, which packages beside this one
// add to a peer. Addresses of Listen and Connect name it, and a listener on any:// tells it
// by the first byte of a socket.

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/packetmq/packetmq/engine"
)

// Scheme is a protocol that lies between a socket and the conn over it, such as WebSocket: it
// has a handshake of its own, and after that carries the bytes of the conn. AddScheme adds it
// to a peer.
type Scheme struct {
	// Name is what addresses begin with, before "://".
	Name string

	// TLS says that it is spoken over TLS.
	TLS bool

	// ALPN is what the sides of a TLS conn may agree on for it, beside ALPN of this package
	// where both are spoken. Default: nothing of its own.
	ALPN string

	// Port is the port that Connect takes where an address has none. Default: there must be
	// one.
	Port string

	// Begins reports whether a socket whose first byte is b speaks the scheme, for listeners
	// on any://. Of a frame, the first byte is at most 0x15 there. Default: none does.
	Begins func(b byte) bool

	// Open returns the transport that speaks the scheme over inner, which it takes over. It
	// is called on the conn's loop, before anything else of the conn. The conn is not open
	// before SchemeConn.Ready is called.
	Open func(c *SchemeConn, inner engine.Transport) engine.Transport
}

var (
	// ErrScheme counts the sockets in Stats.Refused, and wraps the errors of Connect, whose
	// scheme's own handshake failed.
	ErrScheme = errors.New("peer: handshake of the address's scheme failed")

	// ErrSchemeName is returned by AddScheme for a scheme without a name or an Open, and for a
	// name that is taken.
	ErrSchemeName = errors.New("peer: scheme has no name, nothing that opens it, or a name that is taken")

	// ErrAmbiguous is returned by Listen on any:// where Config.MaxFrame is more than
	// MaxFrameAny.
	ErrAmbiguous = errors.New("peer: a listener on any:// cannot tell frames of this MaxFrame from TLS")
)

// MaxFrameAny is the largest Config.MaxFrame of a peer that listens on any://, in bytes. The
// first byte of a TLS record is 0x16. As that of a frame, it would begin a length of more than
// this.
const MaxFrameAny = 0x16<<24 - 1

// tlsHandshake is the first byte of a TLS conn.
const tlsHandshake = 0x16

// SocketHost is a peer with addresses: *Server or *Client, and a type of the program's that
// embeds one of these. Memory servers and clients have none.
type SocketHost interface {
	Host

	// AddScheme has addresses name s.
	AddScheme(s Scheme) error
}

// AddScheme has addresses of Listen name s from now on, and listeners on any:// that are opened
// from now on take sockets that speak it. The server must not have a scheme of that name.
func (s *Server) AddScheme(x Scheme) error { return s.addScheme(x) }

// AddScheme has addresses of Connect name s from now on. The client must not have a scheme of
// that name.
func (c *Client) AddScheme(s Scheme) error { return c.addScheme(s) }

func (p *Peer) addScheme(s Scheme) error {
	if err := p.check(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.Name == "" || s.Open == nil || isNetwork(s.Name) || p.scheme(s.Name) != nil {
		return fmt.Errorf("%w: %q", ErrSchemeName, s.Name)
	}
	all := append(slices.Clone(p.allSchemes()), &s)
	p.schemes.Store(&all)
	return nil
}

// allSchemes are the peer's schemes in the order in which they were added.
func (p *Peer) allSchemes() []*Scheme {
	if all := p.schemes.Load(); all != nil {
		return *all
	}
	return nil
}

// scheme is the peer's scheme of that name, or nil.
func (p *Peer) scheme(name string) *Scheme {
	for _, s := range p.allSchemes() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// schemeBeginning is the peer's scheme whose sockets begin with b, over TLS or not, or nil.
func (p *Peer) schemeBeginning(b byte, overTLS bool) *Scheme {
	for _, s := range p.allSchemes() {
		if s.TLS == overTLS && s.Begins != nil && s.Begins(b) {
			return s
		}
	}
	return nil
}

// ServeConn takes nc as a listener on an address of the scheme named takes what it has
// accepted, over TLS or not: the bounds on accepted conns hold for it, and so does its
// RemoteAddr. The caller must have taken from nc exactly what is not for s.Open. It takes nc
// over in any case, and returns when its conn is on a loop, or when that failed. It may not be
// called on a loop.
func (s *Server) ServeConn(nc net.Conn, over Scheme) error {
	if nc == nil {
		return errNilTransport
	}
	err := s.check()
	if err == nil && over.Open == nil {
		err = ErrSchemeName
	}
	if err == nil {
		err = s.reactor.MayWait()
	}
	var c *Conn
	if err == nil {
		c, err = s.newConn()
	}
	if err == nil {
		c.admitted, err = s.admit(nc, nc.RemoteAddr())
	}
	if err != nil {
		s.refuseUnopened(nc, err)
		return err
	}
	c.noteCredentials(nc)
	return s.reactor.Enrol(nc, &c.link, c.handlerOver(&over)) // NotOpened is told if it fails
}

// refuseUnopened closes nc, for which there is no conn.
func (s *Server) refuseUnopened(nc net.Conn, err error) {
	nc.Close()
	if s.check() == nil {
		s.noteRefused(nc.RemoteAddr(), err)
	}
}
