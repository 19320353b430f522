//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"os"
	"time"

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

// lockTime is how long lockDir waits for others. Each of them needs it for a few
// system calls; whoever holds it for longer is no server that starts.
const lockTime = time.Second

// lockDir keeps other processes from taking a socket file of dir over or away at
// the same time, as far as they ask it too. Where there are no such locks, nobody
// is kept.
func lockDir(dir string) (unlock func()) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return func() {}
	}
	for began := time.Now(); time.Since(began) < lockTime; time.Sleep(time.Millisecond) {
		if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != unix.EWOULDBLOCK && err != unix.EINTR {
			break
		}
	}
	return func() { unix.Close(fd) }
}
