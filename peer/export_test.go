package peer

// Observed reports whether something sees every packet of a peer.
func Observed(p *Peer) bool { return p.observed() }
