package peer

// How listeners are opened, and how the sockets that they accept become conns.

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"

	"github.com/packetmq/packetmq/engine"
)

// accept makes the conn for an accepted socket, or refuses the socket.
func (p *Peer) accept(nc net.Conn) (*engine.Conn, engine.Handler) {
	c, err := p.newConn()
	if err == nil {
		c.admitted, err = p.admit(nc, nc.RemoteAddr())
	}
	if err != nil {
		p.noteRefused(nc.RemoteAddr(), err)
		return nil, nil
	}
	c.noteCredentials(nc)
	return &c.link, c.engineHandler()
}

// admit asks the admission whether nc may come in, counted with the address countedAs, or
// only in total if that is nil. If nc has to make room before its conn is opened, it is closed.
func (p *Peer) admit(nc net.Conn, countedAs net.Addr) (*admittedSocket, error) {
	return p.admission.admit(p.lifetime, countedAs, p.makeRoom(nc, nc.RemoteAddr()))
}

// makeRoom is what ends nc, a socket from remote, if it has to make room before its conn is
// opened.
func (p *Peer) makeRoom(nc net.Conn, remote net.Addr) func(why error) {
	return func(why error) {
		p.noteRefused(remote, why)
		nc.Close()
	}
}

// endHalfOpen ends a conn that has to make room because of why.
func (c *Conn) endHalfOpen(why error) {
	c.peer.noteRefused(c.RemoteAddr(), why)
	c.Abort(why)
}

// inject opens c over nc. The reactor closes nc if it cannot.
func (p *Peer) inject(c *Conn, nc net.Conn) error {
	c.noteCredentials(nc)
	return p.reactor.Inject(nc, &c.link, c.engineHandler())
}

// noteRefused counts and logs a socket that was not let in, or had to make room.
func (p *Peer) noteRefused(remote net.Addr, err error) {
	if errors.Is(err, ErrClosed) {
		return
	}
	p.stats.refused(err)
	p.logLine(slog.LevelWarn, "socket not let in", "remote", remote, "err", err)
}

// listen opens a listener at addr.
func (p *Peer) listen(addr string) (*engine.Listener, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	network, address, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	unopened := new(unopenedSockets)
	take := func(nc net.Conn) { p.take(nc, unopened) }
	switch {
	case network == "tls":
		network = "tcp"
		take, err = p.takerTLS(unopened)
	case !p.hasProxies(): // nothing is read before the conn is opened
		return p.addListener(p.reactor.Listen(network, address, p.accept))
	}
	if err != nil {
		return nil, err
	}
	ln, err := p.addListener(p.reactor.ListenFunc(network, address, take))
	return closeWith(unopened, ln, err)
}

// take begins with a socket, or with a TLS conn, that a listener has accepted.
func (p *Peer) take(nc net.Conn, unopened *unopenedSockets) {
	tc, isTLS := nc.(*tls.Conn)
	below := nc
	if isTLS {
		below = tc.NetConn()
	}
	if s := p.newAcceptedSocket(below, tc, unopened); isTLS || s.proxied {
		s.begin()
		return
	}
	c, h := p.accept(nc)
	if c == nil {
		nc.Close()
		return
	}
	p.reactor.Enrol(nc, c, h) // NotOpened is told if it fails
}

// closeWith closes the sockets in unopened when ln has closed, if there is no err.
func closeWith(unopened *unopenedSockets, ln *engine.Listener, err error) (*engine.Listener, error) {
	if err != nil {
		return nil, err
	}
	go func() {
		<-ln.Done()
		unopened.close()
	}()
	return ln, nil
}

// addListener has ln closed with the peer. It forgets listeners that have closed.
func (p *Peer) addListener(ln *engine.Listener, err error) (*engine.Listener, error) {
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go ln.Close()
		return nil, ErrClosed
	}
	for old := range p.listeners {
		select {
		case <-old.Done():
			delete(p.listeners, old)
		default:
		}
	}
	p.listeners[ln] = struct{}{}
	return ln, nil
}
