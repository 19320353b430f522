package peer

// Packets that nobody handles, counted by type.

import (
	"log/slog"
	"sync"

	"github.com/packetmq/packetmq/registry"
)

// packetCounts counts something of each packet type. It is indexed by Type.Index, which is
// used again when a packet was removed, so it does not grow with packets that come and go.
type packetCounts struct {
	mu     sync.Mutex
	counts []packetCount
}

type packetCount struct {
	packet *registry.Type
	n      uint64
}

// add counts one, and reports whether it is the first of its type.
func (u *packetCounts) add(t *registry.Type) (first bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := t.Index()
	for i >= len(u.counts) {
		u.counts = append(u.counts, packetCount{})
	}
	c := &u.counts[i]
	if c.packet != t { // the count is a removed packet's
		*c = packetCount{packet: t}
	}
	c.n++
	return c.n == 1
}

// byName returns the counts of the packets that are registered.
func (u *packetCounts) byName(table *registry.Table) map[string]uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	var m map[string]uint64
	for _, c := range u.counts {
		if _, ok := table.WireID(c.packet); !ok {
			continue
		}
		if m == nil {
			m = make(map[string]uint64)
		}
		m[c.packet.Name()] = c.n
	}
	return m
}

// unhandledPacket counts a packet that nobody handles, and logs the first one of each type.
func (p *Peer) unhandledPacket(c *Conn, t *registry.Type) {
	if p.unhandled.add(t) {
		p.reactor.Log(p.cfg.Logger, slog.LevelWarn, "packet has no handler", "packet", t.Name(), "conn", c.id, "remote", c.RemoteAddr())
	}
}
