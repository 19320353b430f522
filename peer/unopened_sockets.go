package peer

// The sockets of which something is read before their conn is opened, a PROXY header or a
// TLS handshake, on goroutines of their own and not on a loop.

import (
	"net"
	"sync"
)

// unopenedSockets is a set of such sockets, so that whoever made them can end them: the
// listener that accepted them, or the peer that dialled them. The zero value is empty.
type unopenedSockets struct {
	mu     sync.Mutex
	closed bool
	open   map[net.Conn]*admittedSocket // nil for dialled ones
}

// add adds nc, and what it was admitted as. It returns false if the set is closed.
func (s *unopenedSockets) add(nc net.Conn, g *admittedSocket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.open == nil {
		s.open = make(map[net.Conn]*admittedSocket)
	}
	s.open[nc] = g
	return true
}

// remove takes nc out. It returns false if nc is not in the set any more: then close has
// closed it, or remove was called before.
func (s *unopenedSockets) remove(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.open[nc]
	delete(s.open, nc)
	return ok
}

// admitted returns what nc was admitted as, or nil.
func (s *unopenedSockets) admitted(nc net.Conn) *admittedSocket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[nc]
}

func (s *unopenedSockets) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// close closes all sockets in the set, and lets no more in.
func (s *unopenedSockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for nc := range s.open {
		nc.Close()
	}
	s.open = nil
}
