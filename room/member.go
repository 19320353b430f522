package room

// Member: who can be in rooms and subscribe to topics.

import (
	"fmt"
	"reflect"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Member is who can be in a room: a *peer.Conn, or a SessionMember. It must be a pointer,
// which is its identity.
type Member interface {
	// Loop is the loop on which presence functions are called for the member.
	Loop() *engine.Loop

	// OnLost has f called once when the member ends, on its loop. If it has ended
	// already, f is called too, soon.
	OnLost(f func(reason error)) (stop func() bool)
}

// SessionMember is a Member that is no conn, and may outlive conns.
type SessionMember interface {
	Member

	// SendEncoded sends the packet to the member. It never blocks, and any goroutine may
	// call it. The packet may be released when it returns.
	SendEncoded(e *peer.Encoded) error
}

// checkMember returns why m cannot be a member for conns of p. nil means that it can.
func checkMember(p *peer.Peer, m Member) error {
	switch m := m.(type) {
	case *peer.Conn:
		switch {
		case m == nil:
			return peer.ErrNoConn
		case m.Peer() != p:
			return fmt.Errorf("%w: %v is of another peer", peer.ErrNoConn, m)
		case m.State() >= peer.Softquitted:
			return peer.ErrClosed
		}
		return nil
	case SessionMember:
		if v := reflect.ValueOf(m); v.Kind() == reflect.Pointer && v.IsNil() { // such as what session.Of has found for a conn
			return ErrNoMember
		}
		return nil
	}
	return ErrNoMember
}

// sendTo sends e to m, which checkMember has let pass.
func sendTo(m Member, e *peer.Encoded) error {
	if c, ok := m.(*peer.Conn); ok {
		return e.SendTo(c)
	}
	return m.(SessionMember).SendEncoded(e)
}
