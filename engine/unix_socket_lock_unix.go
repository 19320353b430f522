//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// The lock under which a server takes over or removes the file of a Unix socket.

import (
	"time"

	"golang.org/x/sys/unix"
)

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
