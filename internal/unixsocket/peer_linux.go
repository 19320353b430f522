package unixsocket

// The process at the other end, as Linux knows it.

import "golang.org/x/sys/unix"

func readPeer(fd int) (Peer, bool) {
	u, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Peer{}, false
	}
	return Peer{PID: int(u.Pid), UID: u.Uid, GID: u.Gid}, true
}
