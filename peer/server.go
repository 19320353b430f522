package peer

import (
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
// "unix:///path", as soon as the reactor runs. It may be called several times.
// Port 0 takes a free one; the listener's Addr tells it.
func (s *Server) Listen(addr string) (*engine.Listener, error) { return s.listen(addr) }
