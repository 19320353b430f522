package peer

// Server: listeners, and the conns that they accept.

import (
	"fmt"
	"net"
	"reflect"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Server takes connections, on any number of sockets and from memory clients of
// its process, all of them on the same loops.
type Server struct{ *Peer }

// NewServer makes a server. Nil means the default Config.
func NewServer(reg *registry.Registry, cfg *Config) *Server {
	return &Server{newPeer(reg, cfg)}
}

// Listen accepts connections at addr, "host:port" or "tcp://host:port" or
// "tls://host:port" or "unix:///path" or "any://host:port", or with the name of a scheme of
// AddScheme, as soon as the reactor runs. It may be
// called several times. Port 0 takes a free one; the listener's Addr tells it.
//
// With tls:// the TLS handshake is done off the loops, within Config.Handshake,
// before that of this protocol has as long again. It counts for Config.HalfOpen.
// Those that are under way end with the listener.
//
// With any:// one port takes conns with TLS, if Config.TLS has a certificate, and without, and
// those of all schemes of AddScheme, over TLS or not. The first byte that a client sends tells
// which of these it is, so nothing is sent to a client before; all clients of this protocol
// begin at once. A goroutine waits for it, within Config.Handshake.
//
// With Config.ProxyFrom, conns from proxies begin with a PROXY header, before TLS.
//
// A Unix socket that a server has left when it was killed is replaced; where a
// server listens, the error says so.
func (s *Server) Listen(addr string) (*engine.Listener, error) { return s.listen(addr) }

// Serve is Listen at a listener of the program's: one that it was given by the
// system, has set up by itself, or wraps its conns. What a tls.Listener accepts
// has its handshake done as with tls://; other conns that are neither TCP nor
// Unix sockets are taken as by Inject, but counted by Config.HalfOpen and the
// other bounds. It takes ln over in any case.
func (s *Server) Serve(ln net.Listener) (*engine.Listener, error) {
	v := reflect.ValueOf(ln)
	none := ln == nil || v.Kind() == reflect.Pointer && v.IsNil()
	if err := s.check(); err != nil {
		if !none {
			ln.Close()
		}
		return nil, err
	}
	if none {
		return nil, fmt.Errorf("%w listener", ErrNil)
	}
	r := &reception{peer: s.Peer}
	l, err := s.addListener(s.reactor.ServeFunc(ln, r.take))
	return r.closeWith(l, err)
}

// Attach takes tr as Inject takes a net.Conn, on the loop on, or on one of the reactor's choice
// if on is nil. It is for transports of other packages that move a conn's bytes by themselves:
// a simulation's, or one that replays.
func (s *Server) Attach(tr engine.Transport, on *engine.Loop) (*Conn, error) {
	if tr == nil {
		return nil, errNilTransport
	}
	if err := s.check(); err != nil {
		tr.Close()
		return nil, err
	}
	c, err := s.newIncoming()
	if err != nil {
		tr.Close()
		return nil, err
	}
	if err := s.reactor.Attach(tr, &c.link, c.engineHandler(), on); err != nil {
		return nil, err
	}
	return c, nil
}

// Inject takes nc, whatever is at its other end, as if it had been accepted: an
// SSH channel, a websocket, one end of a net.Pipe. It takes nc over in any
// case, and returns at once; Config.OnMade tells when the conn is active. The
// bounds on accepted conns do not hold for it. A TLS conn is to have done its
// handshake, for Conn.TLS to tell of it.
func (s *Server) Inject(nc net.Conn) (*Conn, error) {
	if nc == nil {
		return nil, errNilTransport
	}
	if err := s.check(); err != nil {
		nc.Close()
		return nil, err
	}
	c, err := s.newIncoming()
	if err != nil {
		nc.Close()
		return nil, err
	}
	if err := s.inject(c, nc); err != nil {
		return nil, err
	}
	return c, nil
}

// HalfOpen returns how many accepted sockets have not completed their handshake, and
// Config.HalfOpen, the bound on them.
func (s *Server) HalfOpen() (open, most int) {
	if s.check() != nil {
		return 0, 0
	}
	a := &s.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.half.len(), a.halfOpen
}
