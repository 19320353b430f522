package request

// The errors that a client is told.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/room"
)

// What requests fail with, beside the errors of package call and those that the program's May
// returns. errors.Is finds them at the client, who joined nothing.
var (
	// ErrRefused says that the client may not join.
	ErrRefused error = &refusal{"packetmq:refused", "not allowed"}

	// ErrTooMany says that the client is in as many rooms as it may be, or has as many
	// subscriptions.
	ErrTooMany error = &refusal{"packetmq:toomanyrooms", "too many rooms or subscriptions"}

	// ErrName says that there can be no room of this name, or that the pattern is none.
	ErrName error = &refusal{"packetmq:roomname", "no name of a room, or no pattern"}
)

// refusal is an error that an answer carries by its name. It is a call.Public.
type refusal struct{ name, text string }

func (e *refusal) Error() string { return "request: " + e.text }

// Public is what the client is told.
func (e *refusal) Public() (name, text string) { return e.name, e.text }

// refused returns the error that a client is told of what package room says.
func refused(err error) error {
	var limit *room.LimitError
	var subject *room.SubjectError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limit):
		return fmt.Errorf("%w: %w", ErrTooMany, err)
	case errors.As(err, &subject), errors.Is(err, room.ErrName):
		return fmt.Errorf("%w: %w", ErrName, err)
	case errors.Is(err, engine.ErrBusy):
		return fmt.Errorf("%w: %w", call.ErrTooMany, err)
	}
	return err
}
