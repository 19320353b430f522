//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

// The input that the kernel still has of a socket that gnet closes, since it cannot be written
// to any more: it is handled before the end is told. A socket that gnet has not looked at, as
// during a pause, may have megabytes of it. These stay in the kernel, and are read a part at a
// time from a descriptor of our own.

import (
	"os"

	"golang.org/x/sys/unix"
)

// readRest reads the input that the kernel has for a socket which cannot be written to any
// more, up to a bound. The input waits. readRest returns the error that it met after it,
// if any: ErrBacklog if there may be more.
func (s *socket) readRest(fd int) error {
	buf := make([]byte, 64<<10)
	for len(s.input()) < maxBacklog {
		n, err := unix.Read(fd, buf)
		switch {
		case err == unix.EINTR:
		case err != nil && err != unix.EAGAIN:
			return os.NewSyscallError("read", err)
		case n <= 0:
			return nil
		default:
			s.appendInput(buf[:n])
		}
	}
	return ErrBacklog
}

// keepRest is readRest for a socket of which the kernel may have more: that is kept there when
// gnet closes fd.
func (s *socket) keepRest(fd int) error {
	met := s.readRest(fd)
	if met != ErrBacklog {
		return met
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 1)
	if err != nil { // no descriptor is left: the rest is lost, as the end says then
		return met
	}
	s.needRare().rest = int32(own)
	return nil
}

// readKeptRest reads the next part of what keepRest has kept. It reports whether input waits.
func (s *socket) readKeptRest() bool {
	a := s.rare
	if a.rest == 0 {
		return false
	}
	if met := s.readRest(int(a.rest)); met != ErrBacklog {
		s.closeRest()
		if met != nil {
			a.end = met
		}
	}
	return len(a.input) > 0
}

// closeRest drops what keepRest has kept.
func (s *socket) closeRest() {
	if a := s.rare; a != nil && a.rest != 0 {
		unix.Close(int(a.rest))
		a.rest = 0
	}
}
