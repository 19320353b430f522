package peer

// reception: how the sockets that a listener accepts become conns.

import (
	"crypto/tls"
	"net"

	"github.com/packetmq/packetmq/engine"
)

// reception is what the sockets of one listener have in common.
type reception struct {
	// Set once.
	peer   *Peer
	scheme *Scheme     // that all sockets speak; nil: none
	any    bool        // what a socket speaks is told by its first byte
	tls    *tls.Config // of the sockets over which TLS is spoken; nil: there are none

	unopened unopenedSockets
}

// newReception makes that of a listener at a.
func (p *Peer) newReception(a address) (*reception, error) {
	r := &reception{peer: p, scheme: a.scheme, any: a.any}
	switch {
	case a.any && p.cfg.MaxFrame > MaxFrameAny:
		return nil, ErrAmbiguous
	case a.any && !p.hasCertificate():
		return r, nil
	case !a.tls && !a.any:
		return r, nil
	}
	var err error
	r.tls, err = p.serverTLS(r.alpn()...)
	if err == nil {
		r.noteProgress()
	}
	return r, err
}

// alpn is what clients of the listener's TLS may choose from.
func (r *reception) alpn() []string {
	if r.scheme != nil {
		return []string{r.scheme.ALPN}
	}
	names := []string{ALPN}
	if r.any {
		for _, s := range r.peer.allSchemes() {
			if s.TLS {
				names = append(names, s.ALPN)
			}
		}
	}
	return names
}

// noteProgress has the admission told of each TLS handshake that has begun.
func (r *reception) noteProgress() {
	hello := r.tls.GetConfigForClient
	r.tls.GetConfigForClient = func(info *tls.ClientHelloInfo) (*tls.Config, error) {
		r.peer.admission.progressed(r.unopened.admitted(info.Conn))
		if hello != nil {
			return hello(info)
		}
		return nil, nil
	}
}

// isPlain reports whether nothing of the sockets is read before their conns are opened.
func (r *reception) isPlain() bool { return !r.any && r.tls == nil && !r.peer.hasProxies() }

// accept makes the conn for a plain socket, or refuses the socket.
func (r *reception) accept(nc net.Conn) (*engine.Conn, engine.Handler) {
	c := r.peer.accept(nc)
	if c == nil {
		return nil, nil
	}
	return &c.link, c.handlerOver(r.scheme)
}

// take begins with a socket that the listener has accepted, or with a TLS conn that a listener
// of the program's has.
func (r *reception) take(nc net.Conn) {
	p := r.peer
	tc, isTLS := nc.(*tls.Conn)
	switch {
	case isTLS:
		nc = tc.NetConn()
	case r.tls != nil:
		if tcp, ok := nc.(*net.TCPConn); ok && p.isProxy(nc.RemoteAddr()) {
			nc = &proxiedConn{TCPConn: tcp}
		}
		if !r.any {
			tc = tls.Server(nc, r.tls)
		}
	}
	if s := r.newAcceptedSocket(nc, tc); tc != nil || s.proxied || r.any {
		s.begin()
		return
	}
	c := p.accept(nc)
	if c == nil {
		nc.Close()
		return
	}
	p.reactor.Enrol(nc, &c.link, c.handlerOver(r.scheme)) // NotOpened is told if it fails
}

// closeWith closes the sockets that have no conn yet when ln has closed, if there is no err.
func (r *reception) closeWith(ln *engine.Listener, err error) (*engine.Listener, error) {
	if err != nil {
		return nil, err
	}
	go func() {
		<-ln.Done()
		r.unopened.close()
	}()
	return ln, nil
}
