package request

// The errors that a client is told.

import (
	"errors"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/room"
)

// What requests fail with, beside the errors of package call and those that the program's May
// returns. errors.Is finds them at the client, who joined nothing.
var (
	// ErrRefused says that the client may not join.
	ErrRefused error = &refusal{name: "packetmq:refused", text: "not allowed"}

	// ErrTooMany says that the client is in as many rooms as it may be, or has as many
	// subscriptions.
	ErrTooMany error = &refusal{name: "packetmq:toomanyrooms", text: "too many rooms or subscriptions"}

	// ErrName says that there can be no room of this name, or that the pattern is none.
	ErrName error = &refusal{name: "packetmq:roomname", text: "no name of a room, or no pattern"}
)

// refusal is an error that an answer carries by its name. It is a call.Public.
type refusal struct{ name, text string }

func (e *refusal) Error() string { return "request: " + e.text }

// Public is what the client is told.
func (e *refusal) Public() (name, text string) { return e.name, e.text }

// refused returns the error that a client is told of what package room says. Floods come here,
// so nothing is wrapped.
func refused(err error) error {
	var limit *room.LimitError
	var subject *room.SubjectError
	switch {
	case errors.As(err, &limit):
		return ErrTooMany
	case errors.Is(err, room.ErrNoMember): // a nil session of Config.Member
		return ErrRefused
	case errors.As(err, &subject), errors.Is(err, room.ErrName):
		return ErrName
	case errors.Is(err, engine.ErrBusy):
		return call.ErrTooMany
	}
	return err
}
