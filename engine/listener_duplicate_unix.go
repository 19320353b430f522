//go:build unix

package engine

// Duplicates of listening sockets.

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// duplicate duplicates a socket. net's own File methods will not do: the Fd method of what they
// return, which os/exec calls, makes the socket a blocking one, in all its duplicates, and a
// listener of the old process would not notice its Close.
func duplicate(s syscall.Conn, name string) (*os.File, error) {
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
		return nil, fmt.Errorf("engine: cannot duplicate the socket of %s: %w", name, failed)
	}
	return os.NewFile(uintptr(fd), name), nil
}
