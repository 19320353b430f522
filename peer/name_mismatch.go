package peer

// What happens when the two sides have different packet names. The adapting side finds it
// out and ends the conn. The original protocol has no word for which names differ, so each
// side compares for itself.

import (
	"errors"

	"github.com/packetmq/packetmq/registry"
)

// endForIDs ends a conn whose ids cannot be taken over.
func (c *Conn) endForIDs(err error) {
	if _, ok := err.(*registry.MismatchError); ok {
		c.peer.logFault(c, ReasonNonEqualPackets, err)
		c.quit(ReasonNonEqualPackets, err)
		return
	}
	if _, ok := err.(*PayloadError); ok {
		c.fault(ReasonPayload, err)
		return
	}
	c.fault(ReasonProtocol, err)
}

// noteMismatch compares the names of the two sides. The adapting side does the same and
// ends the conn if they differ, but cannot tell us how they differ: so we keep it for our
// own log.
func (c *Conn) noteMismatch(payload []byte) {
	m, err := parsePubIDs(payload, true)
	if err != nil {
		return // the adapting side judges them
	}
	var differ *registry.MismatchError
	if errors.As(c.ids.Load().told.insisting().Compare(m.ids), &differ) {
		c.peer.keepMismatch(c, differ)
	}
}

// keepMismatch keeps how the names of c's two sides differ, until the other side refuses
// the conn for that, or completes the handshake all the same.
func (p *Peer) keepMismatch(c *Conn, differ *registry.MismatchError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mismatches == nil {
		p.mismatches = make(map[*Conn]*registry.MismatchError)
	}
	p.mismatches[c] = differ
}

// mismatch is what keepMismatch has kept of c, or nil.
func (p *Peer) mismatch(c *Conn) *registry.MismatchError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mismatches[c]
}
