//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// Options of listening and connected sockets.

import (
	"os"

	"golang.org/x/sys/unix"
)

// reusePort lets other sockets listen at the same address.
func reusePort(fd uintptr) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// setBuffers sets the sizes of a socket's buffers in the kernel; 0 leaves one as
// it is.
func setBuffers(fd uintptr, send, recv int) error {
	for opt, size := range map[int]int{unix.SO_SNDBUF: send, unix.SO_RCVBUF: recv} {
		if size <= 0 {
			continue
		}
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, opt, size); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}
