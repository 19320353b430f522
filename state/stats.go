package state

// Stats: what a State has counted.

import (
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Stats is what a State has counted since it was made, and what it has now.
type Stats struct {
	Keys     int    // that have a value
	Bytes    int    // of the values, encoded
	Readers  int    // conns and sessions
	Versions uint64 // changes: values that were set and were not the same before, and removals

	Ticks     uint64 // ticks of a reader in which something was sent
	Snapshots uint64 // that were begun
	Values    uint64 // that were sent, to all readers together
	Removals  uint64 // that were sent
	Held      uint64 // ticks in which a reader was told nothing, since it owed acknowledgements
	NoRoom    uint64 // ticks that were cut short, since too much waited for the conn already
	TooLarge  uint64 // values that were not sent, since they are too large for a reader's conn
	Refused   uint64 // members of the room that cannot be readers, and readers that turned out so
}

// counters count on any goroutine.
type counters struct {
	ticks, snapshots, values, removals, held, noRoom, tooLarge, refused atomic.Uint64
}

// levelRefused is the level at which is logged what a reader does not get.
const levelRefused = slog.LevelWarn

func (s *source) stats() Stats {
	c := &s.counts
	st := Stats{
		Ticks: c.ticks.Load(), Snapshots: c.snapshots.Load(), Values: c.values.Load(), Removals: c.removals.Load(),
		Held: c.held.Load(), NoRoom: c.noRoom.Load(), TooLarge: c.tooLarge.Load(), Refused: c.refused.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Keys, st.Bytes, st.Versions = s.table.values, s.table.bytes, s.table.version
	for _, r := range s.readers {
		if r.why != 0 {
			st.Readers++
		}
	}
	return st
}

// failed ends a conn for which a function of the program has panicked with v, or has ended its
// goroutine.
func (s *source) failed(c *peer.Conn, v any) {
	var err error = &engine.PanicError{Value: v, Stack: debug.Stack()}
	if v == nil {
		err = engine.ErrGoexit
	}
	s.peer.Log(slog.LevelError, "function of a state's view failed", "packet", s.packet.Name(), "conn", c.ID(), "err", err)
	c.Abort(err)
}
