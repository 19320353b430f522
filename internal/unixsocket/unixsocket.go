// Package unixsocket has what net does not tell or do of sockets: which process is at the other
// end of a Unix socket, and a duplicate that leaves the socket as it is.
package unixsocket

import "net"

// Peer is the process at the other end of a Unix socket, as the system saw it when it
// connected.
type Peer struct {
	PID      int // 0 where the system does not tell
	UID, GID uint32
}

// PeerOf asks the system for the process at the other end of nc. It is not ok where the system
// does not tell.
func PeerOf(nc *net.UnixConn) (p Peer, ok bool) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return Peer{}, false
	}
	raw.Control(func(fd uintptr) { p, ok = readPeer(int(fd)) })
	return p, ok
}
