package peer

// The sockets that are in their TLS handshake, which is done on goroutines of its own
// and not on a loop.

import (
	"net"
	"sync"
)

// tlsHandshakes is those that goroutines shake hands on, for whoever ends the
// handshakes: the peer, or the listener that accepted them. The zero value is
// empty.
type tlsHandshakes struct {
	mu     sync.Mutex
	closed bool
	open   map[net.Conn]*admittedSocket
}

// add takes nc in, and what it was admitted as; it reports false when the set was
// closed.
func (s *tlsHandshakes) add(nc net.Conn, g *admittedSocket) bool {
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

// remove takes nc out; it reports false when that was done before, or nc was
// closed with the others.
func (s *tlsHandshakes) remove(nc net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.open[nc]
	delete(s.open, nc)
	return ok
}

// admitted is what nc was admitted as, or nil.
func (s *tlsHandshakes) admitted(nc net.Conn) *admittedSocket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[nc]
}

func (s *tlsHandshakes) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// close closes all of them, and lets no more in.
func (s *tlsHandshakes) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for nc := range s.open {
		nc.Close()
	}
	s.open = nil
}
