package state

// source: what a State is without the type of its values: its table, its readers and their
// ticks.

import (
	"sync"
	"time"

	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
)

// source is the part of a State that knows no type.
type source struct {
	// Set once.
	peer   *peer.Peer
	host   *host
	packet *registry.Type
	def    registry.Definition // the same
	cfg    Config
	period time.Duration // of the ticks of a reader
	phases int64         // into how many moments of it the readers are spread
	stop   func()        // ends the observation of the room
	counts counters

	// mu is never held while something is sent, or while functions of the program are called.
	mu sync.Mutex

	// Guarded by mu.
	table   table
	readers map[room.Member]*reader
	lanes   []*lane // by the loop's index; nil: there was no reader on it
	asleep  int     // lanes that have readers, and no timer
	closed  bool
}

func newSource(p *peer.Peer, def registry.Definition, packet *registry.Type, cfg Config) *source {
	s := &source{peer: p, host: hostOf(p), def: def, packet: packet, cfg: cfg, period: cfg.period(), stop: func() {},
		table: newTable(), readers: make(map[room.Member]*reader), lanes: make([]*lane, len(p.Reactor().Loops()))}
	s.phases = min(max(int64(s.period/time.Millisecond), 1), maxPhases)
	return s
}

// refuse notes that a member cannot be a reader.
func (s *source) refuse(m room.Member, err error) {
	s.counts.refused.Add(1)
	if c, ok := m.(*peer.Conn); ok {
		s.peer.Log(levelRefused, "conn cannot follow a state", "packet", s.packet.Name(), "conn", c.ID(), "err", err)
		return
	}
	s.peer.Log(levelRefused, "member cannot follow a state", "packet", s.packet.Name(), "err", err)
}

// changed wakes the ticks after a change. mu is held.
func (s *source) changed() {
	if s.asleep == 0 {
		return
	}
	for _, l := range s.lanes {
		if l != nil {
			l.wake()
		}
	}
}

// laneOf is the lane of a conn's loop. mu is held.
func (s *source) laneOf(c *peer.Conn) *lane {
	i := c.Loop().Index()
	if s.lanes[i] == nil {
		s.lanes[i] = newLane(s, c.Loop())
	}
	return s.lanes[i]
}

// close ends all readers, and forgets them: their members may live much longer than the State.
func (s *source) close() {
	s.stop()
	s.mu.Lock()
	s.closed = true
	var stops []func() bool
	for _, r := range s.readers {
		r.sync()
		stops = append(stops, r.unwatch...)
		r.unwatch = nil
	}
	clear(s.readers)
	s.mu.Unlock()
	call(stops)
}

// callProgram calls a function of the program for a conn. A panic in it ends the conn, as one
// in a handler does.
func (s *source) callProgram(c *peer.Conn, fn func()) {
	guard.Call(fn, func(v any) { s.failed(c, v) })
}
