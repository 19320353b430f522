package state

// The errors of the package.

import (
	"errors"
	"fmt"
)

var (
	// ErrUndefined is a zero Packet.
	ErrUndefined = errors.New("state: a Packet that was not defined")

	// ErrNoFeature is a conn that cannot be a reader, since not both sides have FeatureState
	// on it: the other side has no mirror, or is no packetmq of this kind, or one of the
	// sides had nothing of package state when the conn was made, which Enable would mend.
	ErrNoFeature = errors.New("state: the other side of the conn cannot follow a state, or one of the sides was enabled too late")

	// ErrNoPacket is a conn that cannot be a reader, since the packet of the values is not
	// known on it.
	ErrNoPacket = errors.New("state: the packet of the values is not known on the conn")

	// ErrNoReader is what is neither a *peer.Conn of the State's peer nor a Session, or is nil.
	ErrNoReader = errors.New("state: neither a conn of the peer nor a session")

	// ErrClosed is returned by a State after Close.
	ErrClosed = errors.New("state: closed")

	// ErrAck ends a conn whose other side acknowledges what it was not sent.
	ErrAck = errors.New("state: acknowledged what was never sent")

	// ErrOrder ends a conn whose other side sends values or removals of a state that it has
	// not begun.
	ErrOrder = errors.New("state: values of a state that was not begun")

	// ErrMessage ends a conn on which a packet of FeatureState came that can be none.
	ErrMessage = errors.New("state: malformed packet")
)

// LimitError says that a State or a Mirror has as much as it may have. A State has not changed.
// A Mirror ends the conn.
type LimitError struct {
	What string // "keys", "bytes" or "states"
	Max  int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("state: over the limit of %d %s", e.Max, e.What)
}
