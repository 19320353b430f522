package call

// Answer: how the handler of HandleLater answers.

import (
	"errors"

	"github.com/packetmq/packetmq/peer"
)

// Answer answers one call of HandleLater, once. Copies are the same. Any goroutine may call
// its methods. The zero Answer is of no call.
type Answer[A any] struct{ l *later[A] }

// Send answers the call with v, of which nil stands for the zero A. v is encoded before Send
// returns.
//
// An error says that the caller will not see it: ErrAnswered if the call was answered before;
// ErrTimeout or context.Canceled if the caller waits no longer; what wraps OnLost's reason if
// the conn was lost; and those of peer.Send. If v cannot be encoded or is too large, the caller
// is told ErrInternal.
func (a Answer[A]) Send(v *A) error {
	l := a.l
	if l == nil {
		return ErrNoAnswer
	}
	if err := l.answering(nil); err != nil {
		return err
	}
	l.response = Response[A]{ID: l.id, Body: v}
	err := peer.Send(l.conn, l.packet, &l.response)
	l.response.Body = nil
	if err != nil && !isConnError(err) {
		l.fail(err)
	}
	return err
}

// Fail answers the call with an error, of which the caller is told what Handle says. Errors
// are those of Send. A nil error stands for the zero A, a peer.Reason does not end the conn.
func (a Answer[A]) Fail(err error) error {
	l := a.l
	switch {
	case l == nil:
		return ErrNoAnswer
	case err == nil:
		return a.Send(nil)
	}
	if err := l.answering(err); err != nil {
		return err
	}
	return l.fail(err)
}

func (l *later[A]) fail(err error) error {
	failure := l.calls.host.failureOf(l.conn, l.name, err)
	return sendFailure(failure, func(f *Failure) error {
		l.response = Response[A]{ID: l.id, Error: f}
		return peer.Send(l.conn, l.packet, &l.response)
	})
}

// isConnError reports whether a send failed because of its conn, so that another one would
// fail too.
func isConnError(err error) bool {
	return errors.Is(err, peer.ErrClosed) || errors.Is(err, peer.ErrNotActive) || errors.Is(err, peer.ErrBackpressure)
}
