package websocket

// The errors of package websocket.

import (
	"fmt"
	"io"
)

// UpgradeError is an upgrade that was refused. A server's peer logs it; a client's Connect
// returns it. Config.Check returns one to choose the answer.
type UpgradeError struct {
	Status int    // of the HTTP answer; 0: there was none
	Reason string // in the answer, and for the log
}

func (e *UpgradeError) Error() string {
	if e.Status == 0 {
		return "websocket: upgrade failed: " + e.Reason
	}
	return fmt.Sprintf("websocket: upgrade refused with status %d: %s", e.Status, e.Reason)
}

// ProtocolError is what ends a conn whose other side broke a rule of RFC 6455.
type ProtocolError struct {
	Code   Code   // that the other side is told
	Reason string // which rule it was
}

func (e *ProtocolError) Error() string { return "websocket: " + e.Reason }

// CloseError is the end of a conn whose other side closed it with a code that says more than
// that it is done.
type CloseError struct {
	Code   Code
	Reason string // what the other side said; may be empty
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("websocket: closed by the other side with code %d: %s", e.Code, e.Reason)
}

// Unwrap returns io.EOF, which is what the end of any other transport is.
func (e *CloseError) Unwrap() error { return io.EOF }
