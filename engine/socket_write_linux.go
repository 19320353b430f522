package engine

// Writes to a socket past gnet, with plain system calls.

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writeNow gives the socket fd what it takes of b at once and returns how much that
// was. That it takes nothing now is no error.
//
// The socket is non-blocking, so we call the kernel directly: telling the scheduler about
// a call that cannot block costs more than the rest of the write path. And send takes a
// shorter way through the kernel than write does.
func writeNow(fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, failure(errno)
	}
	return int(n), nil
}

// writeTwoNow is writeNow for a, followed by b. Neither is empty.
func writeTwoNow(fd int, a, b []byte) (int, error) {
	var vec [2]unix.Iovec
	vec[0].Base, vec[1].Base = &a[0], &b[0]
	vec[0].SetLen(len(a))
	vec[1].SetLen(len(b))
	msg := unix.Msghdr{Iov: &vec[0]}
	msg.SetIovlen(len(vec))
	n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&msg)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
	if errno != 0 {
		return 0, failure(errno)
	}
	return int(n), nil
}

// failure is errno, unless that says that the call may be made again.
func failure(errno syscall.Errno) error {
	switch errno {
	case unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.ENOMEM:
		return nil
	}
	return errno
}
