//go:build unix

package peer

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// peekByte waits for the first byte of a socket, and leaves it there.
func peekByte(nc net.Conn) (byte, error) {
	socket, ok := nc.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, err
	}
	var b [1]byte
	var n int
	var met error
	err = raw.Read(func(fd uintptr) (done bool) {
		n, _, met = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK)
		return met != unix.EAGAIN && met != unix.EINTR
	})
	switch {
	case err != nil:
		return 0, err
	case met != nil:
		return 0, os.NewSyscallError("recvfrom", met)
	case n == 0:
		return 0, io.EOF
	}
	return b[0], nil
}
