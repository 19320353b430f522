package unixsocket

// The process at the other end, as macOS knows it.

import "golang.org/x/sys/unix"

func readPeer(fd int) (Peer, bool) {
	x, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Peer{}, false
	}
	pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		pid = 0
	}
	return Peer{PID: pid, UID: x.Uid, GID: x.Groups[0]}, true
}
