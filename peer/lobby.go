package peer

import (
	"errors"
	"net"
	"slices"
	"sync"
)

// errSentAway is logged for a TLS handshake that had to make room.
var errSentAway = errors.New("peer: too many TLS handshakes are under way, or the listener was closed")

// lobby holds the sockets of a listener whose TLS handshake is under way. When
// it is full the one that has been there for the longest has to leave: a
// handshake takes two round trips, and who fills the lobby with half ones cannot
// keep the others out.
type lobby struct {
	max  int
	door *admission

	mu     sync.Mutex
	closed bool
	guests []*guest // in the order in which they came
}

// guest is one of them. Its place is the lobby's while it is in there.
type guest struct {
	nc    net.Conn
	place *place
}

// enter takes nc in, or says why not.
func (l *lobby) enter(nc net.Conn) (*guest, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	from, err := l.door.admit(nc.RemoteAddr())
	if err != nil {
		return nil, err
	}
	if len(l.guests) >= l.max {
		l.sendAway(l.guests[0])
		l.guests = slices.Delete(l.guests, 0, 1)
	}
	g := &guest{nc, from}
	l.guests = append(l.guests, g)
	return g, nil
}

// sendAway ends a guest's handshake; its goroutine does the rest. l.mu is held.
func (l *lobby) sendAway(g *guest) {
	l.door.left(g.place, true)
	g.nc.Close()
}

// leave takes g out, and hands its place to the caller; it reports whether g was
// still in.
func (l *lobby) leave(g *guest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.guests, g)
	if i < 0 {
		return false
	}
	l.guests = slices.Delete(l.guests, i, i+1)
	return true
}

// has reports whether g was not sent away.
func (l *lobby) has(g *guest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.guests, g)
}

// close sends everybody away.
func (l *lobby) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, g := range l.guests {
		l.sendAway(g)
	}
	l.guests = nil
}
