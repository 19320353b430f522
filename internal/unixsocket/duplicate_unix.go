//go:build unix

package unixsocket

// Duplicates of listening sockets.

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Duplicate duplicates a socket, and calls the duplicate name. The File methods of package net
// will not do: the Fd method of what they return, which os/exec calls, makes the socket a
// blocking one, in all its duplicates, and then a Close of the listener waits for the next conn.
func Duplicate(s syscall.Conn, name string) (*os.File, error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var failed error
	err = raw.Control(func(own uintptr) { fd, failed = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, fmt.Errorf("cannot duplicate the socket of %s: %w", name, failed)
	}
	return os.NewFile(uintptr(fd), name), nil
}
