package call

// What a caller is told of an error.

import (
	"context"
	"errors"
	"log/slog"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Public is an error of any package that says what others may know of it: its name, or "" if
// it has none, and a text. An answer carries both, and errors.Is finds the error by its name.
type Public interface {
	error
	Public() (name, text string)
}

// failureOf is what a caller is told of err. An error that is not meant for others is logged
// here, and is ErrInternal there.
func (h *host) failureOf(c *peer.Conn, name string, err error) *Failure {
	h.stats.failed.Add(1)
	var carried NamedError
	if errors.As(err, &carried) {
		if e := carried.carried(); e == ErrTooMany {
			h.stats.refused.Add(1)
		}
		f, encodeErr := carried.carried().failure(new(codec.Msgpack))
		if encodeErr == nil {
			return f
		}
		err = encodeErr
	}
	var public Public
	if errors.As(err, &public) {
		name, text := public.Public()
		return &Failure{Name: name, Text: sendable(text)}
	}
	f, _ := ErrInternal.failure(nil)
	if h.config.Load().ShowErrors {
		f.Text = sendable(err.Error())
	}
	var panicked *engine.PanicError
	switch {
	case errors.As(err, &panicked):
		h.stats.panics.Add(1)
		h.peer.Log(slog.LevelError, "handler of a call panicked", "call", name, "conn", c.ID(), "remote", c.RemoteAddr(),
			"panic", panicked.Value, "stack", string(panicked.Stack))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// A line of its own: callers can provoke it, by the deadlines that they set.
		h.peer.Log(slog.LevelWarn, "handler of a call ran out of time", "call", name, "conn", c.ID(), "remote", c.RemoteAddr(), "err", err)
	default:
		h.peer.Log(slog.LevelWarn, "handler of a call failed", "call", name, "conn", c.ID(), "remote", c.RemoteAddr(), "err", err)
	}
	return f
}

// sendFailure sends what is told of an error. If it is too large for its packet, it is sent
// without its text and its data, and if its name is too large still, as ErrInternal.
func sendFailure(f *Failure, send func(f *Failure) error) error {
	err := send(f)
	for _, name := range []string{f.Name, ErrInternal.name} {
		var size *peer.SizeError
		if name == "" || !errors.As(err, &size) {
			continue
		}
		err = send(&Failure{Name: name})
	}
	return err
}
