package restart

// The errors of package restart.

import (
	"errors"
	"fmt"
)

var (
	// ErrPlatform is returned where there are no Unix sockets that carry descriptors, or where
	// the system does not tell who is at the other end of one.
	ErrPlatform = errors.New("restart: this platform cannot hand sockets over")

	// ErrNobody is returned by Take where no process offers a hand-over: this one is the first,
	// and opens its listeners itself.
	ErrNobody = errors.New("restart: no process is there to take over from")

	// ErrOffered is returned by Offer where another process offers a hand-over at the path, so
	// that this one would have had to Take it.
	ErrOffered = errors.New("restart: another process offers a hand-over at the path")

	// ErrOrder is returned by a method of Restart that is called out of order: Take and
	// Commit once each, at first, and Offer once, after them.
	ErrOrder = errors.New("restart: called out of order")

	// ErrNotCommitted is returned by Commit when the old process did not let go: it goes on
	// serving, or has ended. This process has to end.
	ErrNotCommitted = errors.New("restart: the old process did not commit")

	// ErrClosed is returned after Close.
	ErrClosed = errors.New("restart: closed")
)

// SocketError is a descriptor that is no listening stream socket.
type SocketError struct {
	FD   int    // its number, -1 if it has none here
	Name string // what it was called
	Err  error  // why
}

func (e *SocketError) Error() string {
	return fmt.Sprintf("restart: descriptor %d (%q) is no listening socket: %v", e.FD, e.Name, e.Err)
}

// Unwrap returns why.
func (e *SocketError) Unwrap() error { return e.Err }

// EnvironmentError is a LISTEN_FDS, LISTEN_PID or LISTEN_FDNAMES that cannot be.
type EnvironmentError struct{ Variable, Value, Why string }

func (e *EnvironmentError) Error() string {
	return fmt.Sprintf("restart: %s=%q: %s", e.Variable, e.Value, e.Why)
}

// NameError is a name of a listener or a state that cannot be: it is too long, has a colon or
// a character that is no printable ASCII, or is given twice.
type NameError struct{ Name, Why string }

func (e *NameError) Error() string { return fmt.Sprintf("restart: name %q: %s", e.Name, e.Why) }

// OwnerError is a process at the other end of the control socket that is not this user's.
type OwnerError struct{ UID, Own uint32 }

func (e *OwnerError) Error() string {
	return fmt.Sprintf("restart: the process at the other end is of user %d, this one of %d", e.UID, e.Own)
}

// VersionError is an other process that speaks another version of the hand-over.
type VersionError struct{ Version, Own uint64 }

func (e *VersionError) Error() string {
	return fmt.Sprintf("restart: the other process speaks version %d, this one %d", e.Version, e.Own)
}

// MessageError is something that the other process should not have sent.
type MessageError struct{ What string }

func (e *MessageError) Error() string { return "restart: the other process has sent " + e.What }

// StateError is a State that could not be handed over.
type StateError struct {
	Name string
	Err  error
}

func (e *StateError) Error() string { return fmt.Sprintf("restart: state %q: %v", e.Name, e.Err) }

// Unwrap returns why.
func (e *StateError) Unwrap() error { return e.Err }

var (
	errUnknownState = errors.New("this process has no such state")
	errTooLarge     = errors.New("it is larger than Config.MaxState")
	errPanicked     = errors.New("the function panicked, or ended its goroutine")
)

// FailedError is what the other process said why it gave the hand-over up.
type FailedError struct{ Why string }

func (e *FailedError) Error() string { return "restart: the other process gave up: " + e.Why }
