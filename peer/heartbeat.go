package peer

// Heartbeats: checkSilence sends a ping, the other side answers with a pong of the same
// payload, and the time between them is RTT. When a ping is due, timeouts.go decides.

import (
	"encoding/binary"
	"time"

	"github.com/packetmq/packetmq/registry"
)

// sendPing sends a ping, which has the loop's time as its payload.
func (c *Conn) sendPing() {
	var stamp [9]byte
	stamp[0] = 0xcf // uint64
	binary.BigEndian.PutUint64(stamp[1:], uint64(c.link.Loop().Time()))
	c.sendInternal(registry.IDPing, func(b []byte) []byte { return append(b, stamp[:]...) })
}

// onHeartbeat handles a ping or a pong. Before the handshake is done it does nothing: else a
// side that has not shown who it is could make answers pile up here.
func (c *Conn) onHeartbeat(id uint16, payload []byte) {
	switch {
	case !c.flags.has(made):
	case id == registry.IDPing:
		c.onPing(payload)
	default:
		c.onPong(payload)
	}
}

// onPing answers a ping with the same payload.
func (c *Conn) onPing(payload []byte) {
	c.sendInternal(registry.IDPong, func(b []byte) []byte { return append(b, payload...) })
}

// onPong measures the time since the ping that the pong answers.
func (c *Conn) onPong(payload []byte) {
	if len(payload) != 9 || payload[0] != 0xcf {
		c.violation(registry.IDPong, "answers no heartbeat of ours")
		return
	}
	sent := time.Duration(binary.BigEndian.Uint64(payload[1:]))
	if rare := c.rare.Load(); rare != nil && sent < rare.resumedAt {
		return // it waited here, nobody knows how long
	}
	if rtt := c.link.Loop().Time() - sent; rtt > 0 && rtt < time.Hour {
		c.rtt.Store(uint32((rtt-1)/time.Microsecond + 1))
	}
}

// RTT is the round-trip time that the last heartbeat took, in whole
// microseconds; 0 before the first one came back, and for other sides that do
// not know heartbeats.
func (c *Conn) RTT() time.Duration {
	if c == nil {
		return 0
	}
	return time.Duration(c.rtt.Load()) * time.Microsecond
}
