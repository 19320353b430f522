//go:build !(linux || darwin || freebsd)

package unixsocket

// Nothing is known here of who is at the other end.

func readPeer(int) (Peer, bool) { return Peer{}, false }
