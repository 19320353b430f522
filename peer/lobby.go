package peer

import (
	"net"
	"slices"
	"sync"
)

// lobby holds the sockets of a listener whose TLS handshake is under way. When
// it is full the one that has been there for the longest has to leave: a
// handshake takes two round trips, and who fills the lobby with half ones cannot
// keep the others out.
type lobby struct {
	max int

	mu     sync.Mutex
	closed bool
	guests []net.Conn // in the order in which they came
}

// enter takes nc in; it reports whether the lobby is open.
func (l *lobby) enter(nc net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	if len(l.guests) >= l.max {
		l.guests[0].Close() // its goroutine does the rest
		l.guests = slices.Delete(l.guests, 0, 1)
	}
	l.guests = append(l.guests, nc)
	return true
}

func (l *lobby) leave(nc net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.guests, nc); i >= 0 {
		l.guests = slices.Delete(l.guests, i, i+1)
	}
}

// has reports whether nc was not sent away.
func (l *lobby) has(nc net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.guests, nc)
}

// close sends everybody away.
func (l *lobby) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, nc := range l.guests {
		nc.Close()
	}
	l.guests = nil
}
