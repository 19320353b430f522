package call

// The errors of calls that belong to no side's program.

import (
	"context"
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Errors that an answer can carry by their own names.
var (
	// ErrTooMany is a call that would be one more under way on a conn than Config.UnderWay
	// allows, on either side.
	ErrTooMany = internalError("packetmq:toomany", "too many calls are under way")

	// ErrInternal is a call that failed for a reason which the other side does not tell: its
	// handler panicked, or returned an error that is not meant for others.
	ErrInternal = internalError("packetmq:internal", "internal error")

	// ErrStopped is a call that a middleware of the other side has kept from its handler,
	// without an error of its own.
	ErrStopped = internalError("packetmq:stopped", "stopped by a middleware")
)

var (
	// ErrTimeout is a call that was not answered in time. It wraps context.DeadlineExceeded.
	ErrTimeout = fmt.Errorf("call: no answer in time: %w", context.DeadlineExceeded)

	// ErrOnLoop is returned by Do on a loop, where it would wait for itself. It wraps
	// engine.ErrOnLoop.
	ErrOnLoop = fmt.Errorf("call: Do would wait for the loop that it is called on, use call.Go there: %w", engine.ErrOnLoop)

	// ErrAnswered is returned by an Answer that was used before.
	ErrAnswered = errors.New("call: answered already")

	// ErrNoAnswer is returned by the zero Answer.
	ErrNoAnswer = errors.New("call: an Answer of no call")

	// ErrUndefined is a zero Call.
	ErrUndefined = errors.New("call: a Call that was not defined")

	// ErrNoID is a request or an answer with the id 0.
	ErrNoID = errors.New("call: the id is 0")

	// ErrOtherCall is an answer to a call of another name.
	ErrOtherCall = errors.New("call: the answer is to a call of another name")

	// ErrRepeatedID is a request with the id of a call that is under way.
	ErrRepeatedID = errors.New("call: a call with this id is under way")
)

var errNilContext = fmt.Errorf("%w context", peer.ErrNil)

// lostError is the end of a call whose conn was lost.
type lostError struct{ reason error } // of OnLost

func lost(reason error) error {
	if reason == nil {
		reason = peer.ErrClosed
	}
	return &lostError{reason}
}

func (e *lostError) Error() string { return "call: the conn was lost: " + e.reason.Error() }

// Unwrap returns the reason of OnLost.
func (e *lostError) Unwrap() error { return e.reason }

// malformed is what ends a conn on which a packet of a call came that cannot be one.
func malformed(packet string, err error) error { return &peer.PayloadError{Packet: packet, Err: err} }
