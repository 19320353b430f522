package session

// Why sessions end and sends are refused.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/peer"
)

// Why a session ends, beside the peer.Reason of an End, and the error for a packet that
// cannot be sent any more. Config.OnEnd is told them.
var (
	// ErrExpired: no conn carried the session for Config.Away.
	ErrExpired = errors.New("session: nobody came back in time")

	// ErrUnknown: the server has no such session, or no longer, or the secret is wrong.
	ErrUnknown = errors.New("session: the server does not know the session")

	// ErrDenied: the server's MayBegin or MayResume has refused the conn.
	ErrDenied = errors.New("session: the server has refused the conn")

	// ErrTooMany: the server has as many sessions as it may.
	ErrTooMany = errors.New("session: the server has too many sessions")

	// ErrCount: the other side says that it has got packets that were never sent, or does not
	// have what it has acknowledged before. One of the sides has lost its memory.
	ErrCount = errors.New("session: the sides have counted differently")

	// ErrNotServed: the other side has no sessions.
	ErrNotServed = errors.New("session: the other side serves no sessions")

	// ErrSuperseded: another conn has shown the session's secret, and carries it now.
	ErrSuperseded = errors.New("session: another conn has taken the session over")

	// ErrExported: Export has taken the session out of this process.
	ErrExported = errors.New("session: exported")
)

// What Send returns, beside the errors of peer.Send.
var (
	// ErrEnded is returned for a session that has ended.
	ErrEnded = errors.New("session: ended")

	// ErrFull is returned when as much waits to be acknowledged as may. It is also why a
	// session ends if its packets end it then.
	ErrFull = errors.New("session: too much waits to be acknowledged")

	// ErrNoSession is returned where a session is nil.
	ErrNoSession = errors.New("session: no such session")

	// ErrExists is returned by Import for a session that there is already.
	ErrExists = errors.New("session: there is one with this id")
)

// ReasonCount is what the other side of a session is told, by the end of the session, for ErrCount.
const ReasonCount peer.Reason = "reason.session.count"

// Reasons that the other side of a conn is told, by the softquit that ends it.
const (
	ReasonSuperseded peer.Reason = "reason.session.superseded" // another conn carries the session now
	ReasonOver       peer.Reason = "reason.session.over"       // the session that the conn was for has ended
	ReasonMoved      peer.Reason = "reason.session.moved"      // the session was exported; coming back makes sense
)

// IDError is a text that is no ID.
type IDError struct{ Text string }

func (e *IDError) Error() string { return fmt.Sprintf("session: %q is no session id", e.Text) }

// WireError is a packet of the other side's that is none of a session, or came out of turn. It
// ends the conn.
type WireError struct{ What string }

func (e *WireError) Error() string { return "session: " + e.What }
