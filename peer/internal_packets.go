package peer

// This library's own packets: those of the handshake, softquit and heartbeats. This is
// how they are sent, bounded, and told apart when they come. Their payloads are in
// internal_payloads.go.

import (
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/registry"
)

// onInternal handles one of this library's own packets.
func (c *Conn) onInternal(id uint16, payload []byte) {
	if c.State() == Softquitted && id != registry.IDSoftquit {
		return // the other side sent it before it knew of the softquit
	}
	if len(payload) > payloadLimit(id) {
		c.violation(id, "is too long")
		return
	}
	switch id {
	case registry.IDInit:
		c.onInit(payload)
	case registry.IDPubIDs:
		c.onPubIDs(payload)
	case registry.IDFinish:
		c.onFinish(payload)
	case registry.IDSoftquit:
		c.onSoftquit(payload)
	case registry.IDPing, registry.IDPong:
		c.onHeartbeat(id, payload)
	}
}

// sendInternal sends an internal packet, in order with all others. If there is no room for a
// ping or a pong, it is not sent.
func (c *Conn) sendInternal(id uint16, payload func([]byte) []byte) {
	take := c.link.Out
	if id == registry.IDSoftquit {
		take = c.link.LastOut // which has room for one packet beyond the bounds
	}
	if out := take(); out != nil {
		out.B = appendInternal(out.B, id, payload)
		return
	}
	b := c.getBuffer()
	defer c.putBuffer(b)
	b.B = appendInternal(b.B, id, payload)
	c.link.Queue(b.B)
}

// appendInternal appends a whole frame. Our payloads are bounded, so that EndFrame cannot
// fail.
func appendInternal(b []byte, id uint16, payload func([]byte) []byte) []byte {
	start := len(b)
	b = payload(codec.BeginFrame(b, id))
	b, _ = codec.EndFrame(b, start, len(b))
	return b
}

// payloadLimit is the bound on the payload of an internal packet, and on that of any other
// packet before the handshake is done.
func payloadLimit(id uint16) int {
	switch id {
	case registry.IDInit:
		return maxInitPayload
	case registry.IDPubIDs:
		return maxPubIDsPayload
	case registry.IDFinish:
		return maxFinishPayload
	case registry.IDPing, registry.IDPong:
		return maxBeatPayload
	}
	return maxSoftquitPayload
}

// checkHandshakeFrame is asked when a frame begins before the handshake is done. It bounds
// the memory that a side which has not shown who it is can take.
func checkHandshakeFrame(id uint16, length int) error {
	if limit := payloadLimit(id) + codec.IDSize; length > limit {
		return &codec.SizeError{Length: int64(length), Max: limit}
	}
	return nil
}

// Bounds on the payloads of internal packets, in bytes. They are checked before anything is
// buffered.
const (
	maxInitPayload     = 64
	maxFinishPayload   = 64
	maxSoftquitPayload = 1 << 10
	maxBeatPayload     = 16
	maxPubIDsPayload   = 64 << 10
)
