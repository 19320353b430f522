package peer

// Observed reports whether something sees every packet of a peer.
func Observed(p *Peer) bool { return p.observed() }

// SetWebSocket sets how this package's tests have a peer know ws://.
func SetWebSocket(enable func(h SocketHost) error) struct{} {
	enableWebSocket = enable
	return struct{}{}
}
