package engine

// The errors that the engine returns, or ends a conn with.

import (
	"errors"
	"fmt"
	"runtime/debug"
)

var (
	// ErrClosed is returned by everything asked of a closed reactor or conn.
	ErrClosed = errors.New("engine: closed")

	// ErrRunning is returned by Run and RunAsync on a reactor that runs.
	ErrRunning = errors.New("engine: reactor is running already")

	// ErrNotRunning is returned by a call that waits for a loop of a reactor that
	// was not run yet: nothing would come of the wait. A stopped reactor is waited
	// for, as long as the call's context allows.
	ErrNotRunning = errors.New("engine: reactor is not running")

	// ErrStuck is why Close or Stop did not wait any longer: nothing had moved
	// for two seconds, or twice Config.StuckAfter if that is longer. The error is
	// an UnfinishedError, which says what they waited for.
	ErrStuck = errors.New("engine: nothing moves")

	// ErrNotOnCaller is returned by Poll on a reactor without Config.OnCaller,
	// whose loops have goroutines of their own.
	ErrNotOnCaller = errors.New("engine: Poll needs Config.OnCaller")

	// ErrNil is returned where a function, a conn, a handler or the like is needed
	// and nil was given; it is wrapped with what that is. Where no error can be
	// returned, it is the panic.
	ErrNil = errors.New("engine: nil")

	// ErrOnLoop is returned by a call that waits for the loop when it is made
	// on the loop, where it could only wait for itself.
	ErrOnLoop = errors.New("engine: call would block its own loop")

	// ErrBackpressure is returned by a send for which there is no room: too
	// much waits for the other side already.
	ErrBackpressure = errors.New("engine: no room: too much output waits")

	// ErrReleased is returned where a Shared is sent, or copied, that was released.
	ErrReleased = errors.New("engine: shared payload was released already")

	// ErrSlowConsumer ends a conn whose other side does not read: what waits
	// for it went over Config.MaxPending, stayed over Config.SoftPending, did not
	// move for Config.StallTime, or was the most of Config.MaxTotalPending.
	ErrSlowConsumer = errors.New("engine: slow consumer: too much output waits")

	// ErrGoexit ends a conn on which a callback called runtime.Goexit, and is
	// what offloaded work comes to that did. A test's FailNow does, and so do
	// Fatal and Skip.
	ErrGoexit = errors.New("engine: runtime.Goexit was called")

	// ErrBacklog ends a conn whose handler leaves too much input, be it that the
	// other side was cut off while more of it waited than is kept.
	ErrBacklog = errors.New("engine: handler leaves too much input")

	// ErrInput ends a conn that keeps input which is not whole, when all conns
	// together keep more than Config.MaxTotalInput.
	ErrInput = errors.New("engine: too much unfinished input is kept")

	// ErrFlushTimeout ends a conn that was asked to finish and whose other
	// side did not take the rest in time.
	ErrFlushTimeout = errors.New("engine: output was not taken in time")

	// ErrBusy is returned by Offload when too many calls wait already.
	ErrBusy = errors.New("engine: too many calls wait for a worker")

	// ErrTooManyConns is why an accepted conn was closed at once, or a dial or
	// an attachment refused: Config.MaxConns are open.
	ErrTooManyConns = errors.New("engine: too many connections")

	// ErrVirtual is returned where a virtual reactor would need a socket.
	ErrVirtual = errors.New("engine: a virtual reactor has no sockets")

	// ErrPlatform is returned by Run where the system has neither epoll nor
	// kqueue.
	ErrPlatform = errors.New("engine: this platform has neither epoll nor kqueue")
)

// SizeError is returned by a send of more than may ever wait for one conn. The conn goes
// on.
type SizeError struct {
	Length int // of the message, in bytes
	Max    int // Config.MaxPending
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("engine: %d bytes are too many to wait for a conn, at most %d may", e.Length, e.Max)
}

// PanicError is a panic that was caught in a callback or in offloaded work.
type PanicError struct {
	Value any    // what the panic was called with
	Stack []byte // where it happened
}

func (e *PanicError) Error() string { return fmt.Sprintf("engine: panic: %v", e.Value) }

// panicked is a panic with v as an error, or ErrGoexit if v is nil. It is called where
// the panic is recovered.
func panicked(v any) error {
	if v == nil {
		return ErrGoexit
	}
	return &PanicError{v, debug.Stack()}
}

// Unwrap returns the panic's value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// ShutdownError says what a Shutdown had to leave behind.
type ShutdownError struct {
	Conns int   // conns that did not end in time
	Bytes int64 // bytes accepted for sending that had not left for them
	Err   error // why the wait ended
}

func (e *ShutdownError) Error() string {
	return fmt.Sprintf("engine: shutdown left %d conns with %d bytes unsent: %v", e.Conns, e.Bytes, e.Err)
}

func (e *ShutdownError) Unwrap() error { return e.Err }

// UnfinishedError says what a Stop, Close or Shutdown did not wait for any
// longer. What they began goes on: the loops stand still, or the reactor ends,
// when the callbacks have returned and the conns have closed.
type UnfinishedError struct {
	Loops []int    // loops that are in a callback
	Conns int      // injected conns that are being closed
	Names []string // what some of them and of the listeners that do not close are: "*tls.Conn to 10.0.0.1:7"
	Err   error    // why the wait ended: ErrStuck, or the context's error
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("engine: not waiting for callbacks on loops %v and %d injected conns %q: %v", e.Loops, e.Conns, e.Names, e.Err)
}

func (e *UnfinishedError) Unwrap() error { return e.Err }
