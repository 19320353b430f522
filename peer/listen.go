package peer

// How listeners are opened, and how the sockets that they accept become conns.

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"

	"github.com/packetmq/packetmq/engine"
)

// accept makes the conn for an accepted socket, or refuses the socket and returns nil.
func (p *Peer) accept(nc net.Conn) *Conn {
	c, err := p.newConn()
	if err == nil {
		c.admitted, err = p.admit(nc, nc.RemoteAddr())
	}
	if err != nil {
		p.noteRefused(nc.RemoteAddr(), err)
		return nil
	}
	c.noteCredentials(nc)
	return c
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
	return p.injectOver(c, nc, nil)
}

// injectOver is inject where a scheme, or none if it is nil, is spoken over nc.
func (p *Peer) injectOver(c *Conn, nc net.Conn, over *Scheme) error {
	c.noteCredentials(nc)
	return p.reactor.Inject(nc, &c.link, c.handlerOver(over))
}

// levelRefused is how loudly the end of a socket is logged that is no conn yet: that the other
// side just closed is no warning, since balancers look whether the server is there.
func levelRefused(err error) slog.Level {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
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
	a, err := p.parseListen(addr)
	if err != nil {
		return nil, err
	}
	r, err := p.newReception(a)
	if err != nil {
		return nil, err
	}
	if r.isPlain() {
		return p.addListener(p.reactor.Listen(a.network, a.place, r.accept))
	}
	ln, err := p.addListener(p.reactor.ListenFunc(a.network, a.place, r.take))
	return r.closeWith(ln, err)
}

// addListener has ln closed with the peer. It forgets listeners that have closed.
func (p *Peer) addListener(ln *engine.Listener, err error) (*engine.Listener, error) {
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.draining {
		go ln.Close()
		if p.closed {
			return nil, ErrClosed
		}
		return nil, ErrDraining
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
