package peer

// How accepted sockets become conns of a peer.

import (
	"errors"
	"log/slog"
	"net"

	"github.com/packetmq/packetmq/engine"
)

// accept makes the conn for a socket, or refuses it.
func (p *Peer) accept(nc net.Conn) (*engine.Conn, engine.Handler) {
	c, err := p.newConn()
	if err == nil {
		c.admitted, err = p.admit(nc)
	}
	if err != nil {
		p.noteRefused(nc.RemoteAddr(), err)
		return nil, nil
	}
	c.noteCredentials(nc)
	return &c.link, c.engineHandler()
}

// admit lets nc in. If it has to make room before it is opened, it is closed.
func (p *Peer) admit(nc net.Conn) (*admittedSocket, error) {
	remote := nc.RemoteAddr()
	return p.admission.admit(p.lifetime, remote, func(why error) {
		p.noteRefused(remote, why)
		nc.Close()
	})
}

// endHalfOpen ends a conn whose handshake is not complete.
func (c *Conn) endHalfOpen(why error) {
	c.peer.noteRefused(c.RemoteAddr(), why)
	c.Abort(why)
}

// inject opens c over nc, which is taken over in any case.
func (p *Peer) inject(c *Conn, nc net.Conn) error {
	c.noteCredentials(nc)
	return p.reactor.Inject(nc, &c.link, c.engineHandler())
}

// noteRefused counts a socket that was not let in.
func (p *Peer) noteRefused(remote net.Addr, err error) {
	if errors.Is(err, ErrClosed) {
		return
	}
	p.stats.refused(err)
	p.logLine(slog.LevelWarn, "socket not let in", "remote", remote, "err", err)
}

// listen accepts conns at addr.
func (p *Peer) listen(addr string) (*engine.Listener, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	network, address, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	if network == "tls" {
		return p.listenTLS(address)
	}
	return p.addListener(p.reactor.Listen(network, address, p.accept))
}

// addListener closes ln with the peer.
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
