package peer

// Extension: a feature that a package beside this one adds to a peer.

import (
	"errors"
	"fmt"
	"maps"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// Extension is a feature that a package adds to a peer by Peer.Extend. All functions are
// called on the conn's loop, and none for a conn on which the feature is not in force.
type Extension struct {
	// Feature is the bit, from 3 to MaxFeature.
	Feature Feature

	// Offer returns what this side tells of the feature in its pubids, at most 1 KiB. It is
	// called before the other side is authenticated. Nil, or a result of nil: nothing.
	Offer func(c *Conn) []byte

	// Offered is called with what the other side tells of the feature, when that is let in and
	// before Observer.Made. details is nil if it tells nothing, and valid during the call. An
	// error ends the conn as one of a handler does. Nil: it is not looked at.
	Offered func(c *Conn, details []byte) error

	// Packet is called with each packet of SendExtension from the other side, in order with
	// the program's packets. payload is valid during the call and was not checked to be
	// msgpack. An error ends the conn as one of a handler does. Nil: such a packet is a
	// violation.
	Packet func(c *Conn, payload []byte) error

	// Inside is called with the length of the payload of each packet of SendInside from the
	// other side, before the packet is handled as if it had come by itself: with EncodedIn,
	// other hooks on the way in, middleware and the handler. What EncodedIn drops is not handled
	// otherwise. ErrDrop has the packet dropped; another error ends the conn as one of a handler
	// does. A packet for which Inside was not called is not handled: the conn is at its end. Nil:
	// Packet is called with the packet's id and payload, and nothing else is.
	Inside func(c *Conn, size int) error
}

// ErrFeature is returned by Extend for a feature that cannot be added: it is one of this
// package's, there is no such bit, or the peer has it already.
var ErrFeature = errors.New("peer: no such feature, or it is taken")

// maxOffer is the largest result of Offer, in bytes.
const maxOffer = 1 << 10

// Extend adds a feature to the peer. Conns that are opened from now on announce it, except
// where the handshake is skipped, with NoExtensions, or while the registry has a packet of
// AddInternal under the id of the feature's packet.
func (p *Peer) Extend(x Extension) error {
	if err := p.check(); err != nil {
		return err
	}
	if x.Feature < firstExtension || x.Feature > MaxFeature {
		return fmt.Errorf("%w: %d", ErrFeature, x.Feature)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.allExtensions()
	if old[x.Feature] != nil {
		return fmt.Errorf("%w: %d", ErrFeature, x.Feature)
	}
	all := maps.Clone(old)
	if all == nil {
		all = make(map[Feature]*Extension)
	}
	all[x.Feature] = &x
	p.extensions.Store(&all)
	return nil
}

// allExtensions are those of Extend. Read only.
func (p *Peer) allExtensions() map[Feature]*Extension {
	if all := p.extensions.Load(); all != nil {
		return *all
	}
	return nil
}

// SendExtension sends the internal packet of a feature, in order with everything else that
// is sent on the conn. Any goroutine may call it; the payload is copied. ErrNotOnWire means
// that the feature is not in force, or has no packet; the other errors are those of Send.
func (c *Conn) SendExtension(f Feature, payload []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	id, ok := f.packetID()
	if !ok || f == FeatureOptional || !c.Uses(f) {
		return fmt.Errorf("%w: feature %d is not in force", ErrNotOnWire, f)
	}
	return c.sendFeature(id, payload)
}

// ReplyExtension is SendExtension for the conn's own callbacks, without a lock. On the conn's
// loop only.
func (c *Conn) ReplyExtension(f Feature, payload []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	c.mustBeOnLoop("Conn.ReplyExtension")
	id, ok := f.packetID()
	size := codec.IDSize + len(payload)
	if !ok || f == FeatureOptional || !c.Uses(f) || c.State() != Active || c.flags.has(encoding) || size > int(c.maxSend.Load()) {
		return c.SendExtension(f, payload) // which knows what is wrong, if anything
	}
	out := c.link.Out()
	if out == nil { // no room, or closed
		return c.sendFeature(id, payload)
	}
	out.B = codec.AppendFrame(out.B, id, payload)
	_, err := c.link.Commit(codec.LengthSize + size)
	return err
}

// sendFeature queues a packet of a feature that is in force.
func (c *Conn) sendFeature(id uint16, payload []byte) error {
	if err := c.checkSendable(nil); err != nil {
		return err
	}
	if err := c.checkSize(nil, codec.IDSize+len(payload)); err != nil {
		return err
	}
	h := codec.Header(id, len(payload))
	return c.link.QueueParts(h[:], payload)
}

// carries reports whether packets with an id are those of a feature on this conn.
func (c *Conn) carries(id uint16) bool {
	if id <= registry.IDFinish || id > registry.IDUpdate {
		return false
	}
	f, ok := featureOf(id)
	return ok && c.Uses(f)
}

// onFeaturePacket handles the internal packet of a feature that is in force.
func (c *Conn) onFeaturePacket(id uint16, payload []byte) {
	if !c.admitProgramPacket(id) {
		return
	}
	f, _ := featureOf(id)
	if f == FeatureOptional {
		c.onUpdate(payload)
		return
	}
	switch x := c.peer.allExtensions()[f]; {
	case x != nil && x.Inside != nil && isInside(payload):
		c.handleInside(x, payload)
	case x != nil && x.Packet != nil:
		c.endFor(x.Packet(c, payload))
	default:
		c.violation(id, "is of a feature that has no packet")
	}
}

// offers appends what the peer's extensions tell of the features in fs.
func (c *Conn) offers(details []detail, fs features) ([]detail, error) {
	all := c.peer.allExtensions()
	for f := firstExtension; f <= MaxFeature; f++ {
		x := all[f]
		if !fs.has(f) || x == nil || x.Offer == nil {
			continue
		}
		if b := x.Offer(c); len(b) > maxOffer {
			return nil, &codec.SizeError{Length: int64(len(b)), Max: maxOffer}
		} else if b != nil {
			details = append(details, detail{f, b})
		}
	}
	return details, nil
}

// takeOffers calls the extensions with what the other side tells.
func (c *Conn) takeOffers(m *pubIDsMsg) error {
	all := c.peer.allExtensions()
	for f := firstExtension; f <= MaxFeature; f++ {
		if x := all[f]; x != nil && x.Offered != nil && c.Uses(f) {
			b := m.detail(f)
			if len(b) > maxOffer { // of a form that there is not
				b = nil
			}
			if err := x.Offered(c, b); err != nil {
				return err
			}
		}
	}
	return nil
}
