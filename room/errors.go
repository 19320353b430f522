package room

// The errors of the package.

import (
	"errors"
	"fmt"
)

var (
	// ErrNoRoom is returned where a Room is the zero Room, or a Rooms is nil.
	ErrNoRoom = errors.New("room: no such room")

	// ErrNoTopics is returned where a Topics is nil.
	ErrNoTopics = errors.New("room: no topics")

	// ErrNoMember is returned where a member is nil, or is neither a *peer.Conn nor a
	// SessionMember.
	ErrNoMember = errors.New("room: no such member")

	// ErrName is returned by Join for a room whose name is empty, or longer than MaxName.
	ErrName = errors.New("room: name is empty or too long")
)

// LimitError says that a member is in as many rooms as it may be, or has as many
// subscriptions. Nothing was changed.
type LimitError struct {
	Max int // how many it may have
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("room: the member has %d already, which is the most", e.Max)
}
