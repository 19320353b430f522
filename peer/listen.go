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
		c.guest, err = p.admit(nc)
	}
	if err != nil {
		p.refuse(nc.RemoteAddr(), err)
		return nil, nil
	}
	c.setOrigin(nc)
	return &c.link, c.session()
}

// admit lets nc in. If it has to make room before it is opened, it is closed.
func (p *Peer) admit(nc net.Conn) (*guest, error) {
	remote := nc.RemoteAddr()
	return p.admission.admit(p.life, remote, func(why error) {
		p.refuse(remote, why)
		nc.Close()
	})
}

// makeRoom ends a conn whose handshake is not complete.
func (c *Conn) makeRoom(why error) {
	c.peer.refuse(c.RemoteAddr(), why)
	c.Abort(why)
}

// inject opens c over nc, which is taken over in any case.
func (p *Peer) inject(c *Conn, nc net.Conn) error {
	c.setOrigin(nc)
	return p.reactor.Inject(nc, &c.link, c.session())
}

// refuse counts a socket that was not let in.
func (p *Peer) refuse(remote net.Addr, err error) {
	if errors.Is(err, ErrClosed) {
		return
	}
	p.stats.refused(err)
	p.say(slog.LevelWarn, "socket not let in", "remote", remote, "err", err)
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
	return p.keep(p.reactor.Listen(network, address, p.accept))
}

// keep closes ln with the peer.
func (p *Peer) keep(ln *engine.Listener, err error) (*engine.Listener, error) {
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go ln.Close()
		return nil, ErrClosed
	}
	for old := range p.lns {
		select {
		case <-old.Done():
			delete(p.lns, old)
		default:
		}
	}
	p.lns[ln] = struct{}{}
	return ln, nil
}
