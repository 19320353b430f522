package peer

// Who is at the other end of a Unix socket, as FreeBSD knows.

import "golang.org/x/sys/unix"

func readUnixCred(fd int) *UnixCred {
	x, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return nil
	}
	return &UnixCred{UID: x.Uid, GID: x.Groups[0]}
}
