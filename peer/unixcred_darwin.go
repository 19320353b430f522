package peer

// Who is at the other end of a Unix socket, as macOS knows.

import "golang.org/x/sys/unix"

func readUnixCred(fd int) *UnixCred {
	x, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return nil
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		pid = 0
	}
	return &UnixCred{PID: pid, UID: x.Uid, GID: x.Groups[0]}
}
