package peer

// Who is at the other end of a Unix socket, as Linux knows.

import "golang.org/x/sys/unix"

func readUnixCred(fd int) *UnixCred {
	u, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil
	}
	return &UnixCred{PID: int(u.Pid), UID: u.Uid, GID: u.Gid}
}
