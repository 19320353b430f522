package peer

import (
	"net"

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
// "tls://host:port" or "unix:///path", as soon as the reactor runs. It may be
// called several times. Port 0 takes a free one; the listener's Addr tells it.
//
// With tls:// the TLS handshake is done off the loops, within Config.Handshake,
// before that of this protocol has as long again. A listener has 128 of them
// under way; one more ends the oldest. Those that are left end with the
// listener.
func (s *Server) Listen(addr string) (*engine.Listener, error) { return s.listen(addr) }

// Inject takes nc, whatever is at its other end, as if it had been accepted: an
// SSH channel, a websocket, one end of a net.Pipe. It takes nc over in any
// case, and returns at once; Config.OnMade tells when the conn is active. The
// bounds on accepted conns do not hold for it. A TLS conn is to have done its
// handshake, for Conn.TLS to tell of it.
func (s *Server) Inject(nc net.Conn) (*Conn, error) {
	c, err := s.newConn()
	if err != nil {
		nc.Close()
		return nil, err
	}
	if err := s.inject(c, nc); err != nil {
		return nil, err
	}
	return c, nil
}
