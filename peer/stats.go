package peer

// The counters of a peer.

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/packetmq/packetmq/engine"
)

// Stats is what a peer has counted since it was made.
type Stats struct {
	Made    uint64            // handshakes completed
	Refused map[string]uint64 // accepted sockets closed at once, by error
	Unknown uint64            // packets of unknown ids
	Undone  uint64            // pieces of OffloadInOrder that had not begun when their conn was lost

	// Lost are the conns lost, by reason: those of this package and of Config.Reasons by
	// name, others as "other", whoever chose them; conns whose other side did not read as
	// "slow consumer", and other ends of the transport as "transport".
	Lost map[string]uint64

	// Unhandled are the packets that were dropped since nothing handles their
	// type, by its name: no handler, OnPacket, PacketIn or OnReceive.
	Unhandled map[string]uint64

	// Differing are the conns whose other side's type of a packet has another shape, by the
	// packet's name. See Remote.Differs.
	Differing map[string]uint64
}

// stats counts; its maps have a bounded set of keys, whatever the other sides
// say.
type stats struct {
	mu sync.Mutex
	s  Stats
}

func (s *stats) made() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Made++
}

func (s *stats) unknown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Unknown++
}

func (s *stats) undone(pieces int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.s.Undone += uint64(pieces)
}

func (s *stats) refused(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.s.Refused == nil {
		s.s.Refused = make(map[string]uint64)
	}
	s.s.Refused[err.Error()]++
}

// lost counts the end of a conn. own are the program's reasons that are counted by name.
func (s *stats) lost(reason error, own []Reason) {
	key := "transport"
	var r Reason
	if errors.As(reason, &r) {
		key = "other"
		if known(r) || slices.Contains(own, r) {
			key = string(r)
		}
	} else if errors.Is(reason, engine.ErrSlowConsumer) {
		key = "slow consumer"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.s.Lost == nil {
		s.s.Lost = make(map[string]uint64)
	}
	s.s.Lost[key]++
}

func known(r Reason) bool {
	switch r {
	case ReasonUnknown, ReasonVersionMismatch, ReasonSameAdaptivePolicy, ReasonNonEqualPackets, ReasonGeneric,
		ReasonShutdown, ReasonProtocol, ReasonFrame, ReasonPayload, ReasonTimeout, ReasonHandler,
		ReasonDenied, ReasonTLS, ReasonProxy:
		return true
	}
	return false
}

// Stats returns what the peer has counted. The maps are the caller's.
func (p *Peer) Stats() Stats {
	if p.check() != nil {
		return Stats{}
	}
	table := p.reg.Table()
	unhandled, differing := p.unhandled.byName(table), p.differing.byName(table)
	p.stats.mu.Lock()
	defer p.stats.mu.Unlock()
	s := p.stats.s
	s.Unhandled, s.Differing = unhandled, differing
	s.Refused, s.Lost = maps.Clone(s.Refused), maps.Clone(s.Lost)
	return s
}
