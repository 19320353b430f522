package peer

// The errors of package peer that belong to no single file.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/engine"
)

var (
	// ErrClosed is returned by everything asked of a closed peer or reactor,
	// and of a conn that has ended.
	ErrClosed = engine.ErrClosed

	// ErrNotRunning is returned by Connect and Inject, at once, on a reactor that
	// was not run yet.
	ErrNotRunning = engine.ErrNotRunning

	// ErrNil is returned where a handler, a net.Conn, a context or the like is needed and
	// nil was given; it is wrapped with what that is.
	ErrNil = engine.ErrNil

	// ErrNotActive is returned by a send on a conn whose handshake is not done
	// or which is being ended.
	ErrNotActive = errors.New("peer: conn is not active")

	// ErrNoConn is returned where a conn is named that the peer does not have,
	// or none is named and there is none to default to.
	ErrNoConn = errors.New("peer: no such conn")

	// ErrNoPeer is returned where a peer is nil, or is not one that NewServer,
	// NewClient, NewMemoryServer or NewMemoryClient made.
	ErrNoPeer = errors.New("peer: no such peer")

	errNilTransport = fmt.Errorf("%w net.Conn", ErrNil)
	errNilContext   = fmt.Errorf("%w context", ErrNil)
	errNilWork      = fmt.Errorf("%w function for OffloadInOrder", ErrNil)

	// ErrNoHandler is returned where a function to handle packets is nil.
	ErrNoHandler = errors.New("peer: nil handler")

	// ErrNotOnWire is returned by a send of a packet type that has no id on
	// the conn: it was registered after the sides compared their names.
	ErrNotOnWire = errors.New("peer: packet type is not known on this conn")

	// ErrNoPacket is returned where a packet type is not this peer's: the zero
	// registry.Packet, one of another registry, or one that was removed.
	ErrNoPacket = errors.New("peer: no such packet type")

	// ErrDrop is returned by hooks to drop a packet without an error.
	ErrDrop = errors.New("peer: packet dropped by a hook")

	// ErrHandshakeTimeout ends a conn whose handshake was not done in time.
	ErrHandshakeTimeout = errors.New("peer: handshake was not done in time")
)

// SizeError is a packet that is too large ever to be sent: for the other side, for its
// type's MaxSize, or to wait in the reactor. The conn goes on.
type SizeError struct {
	Packet string
	Length int // of id and payload, in bytes
	Max    int // what may be sent
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("peer: %s of %d bytes is too large, at most %d may be sent", e.Packet, e.Length, e.Max)
}

// ProtocolError is something that the other side may not send, or not in the
// state the conn was in.
type ProtocolError struct {
	State  State
	ID     uint16 // of the packet
	Reason string
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("peer: packet %d in state %v: %s", e.ID, e.State, e.Reason)
}

// UnknownIDError ends a conn that sent too many packets of unknown ids.
type UnknownIDError struct{ ID uint16 }

func (e *UnknownIDError) Error() string {
	return fmt.Sprintf("peer: too many packets of unknown ids, the last was %d", e.ID)
}
