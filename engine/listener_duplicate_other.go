//go:build !unix

package engine

// Sockets are not given to other processes here.

import (
	"os"
	"syscall"
)

func duplicate(syscall.Conn, string) (*os.File, error) { return nil, ErrPlatform }
