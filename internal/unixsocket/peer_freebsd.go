package unixsocket

// The process at the other end, as FreeBSD knows it.

import "golang.org/x/sys/unix"

func readPeer(fd int) (Peer, bool) {
	x, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return Peer{}, false
	}
	return Peer{UID: x.Uid, GID: x.Groups[0]}, true
}
