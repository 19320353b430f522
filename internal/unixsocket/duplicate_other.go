//go:build !unix

package unixsocket

// Sockets are not duplicated here.

import (
	"errors"
	"os"
	"syscall"
)

// Duplicate fails.
func Duplicate(syscall.Conn, string) (*os.File, error) { return nil, errors.ErrUnsupported }
