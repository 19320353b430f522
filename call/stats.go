package call

// Stats: what a peer has counted of its calls.

import (
	"sync/atomic"

	"github.com/packetmq/packetmq/peer"
)

// Stats is what a peer has counted of its calls since it was made. Calls that could not be
// made at all, since their packet could not be sent, are not in it.
type Stats struct {
	// Of calls that this side made.
	Made      uint64 // calls that were sent
	Answered  uint64 // calls that were answered, with an error or without
	TimedOut  uint64 // calls without an answer in time
	Cancelled uint64 // calls that were cancelled by their caller
	Lost      uint64 // calls whose conn was lost
	TooMany   uint64 // calls that were not made, since Config.UnderWay were under way
	Late      uint64 // answers to calls that had ended, or that there never were
	Duplicate uint64 // answers to calls that were answered before
	Waiting   int    // calls that wait for their answers now

	// Of calls that this side handles.
	Handled   uint64 // requests that came to a handler
	Failed    uint64 // requests that were answered with an error
	Panics    uint64 // of these, handlers that panicked
	Refused   uint64 // requests that were answered with ErrTooMany
	Withdrawn uint64 // requests that their callers cancelled before they were answered
	Expired   uint64 // requests that were not answered in time, those that were forgotten among them
	Malformed uint64 // packets of calls that ended their conn, since they can be none
	Open      int    // requests of HandleLater that are not answered yet
}

// counters count on any goroutine. What is counted for each call is not here: the calls
// that are made are counted with their conn, and those that are handled with their loop.
type counters struct {
	handled []paddedCounter // by loop

	gone struct{ made, answered uint64 } // of conns that were lost; guarded by host.mu

	timedOut, cancelled, lost, tooMany, late, duplicate          atomic.Uint64
	failed, panics, refused, withdrawn, expired, malformedPacket atomic.Uint64
}

// paddedCounter is a counter that shares no cache line.
type paddedCounter struct {
	n atomic.Uint64
	_ [56]byte
}

// StatsOf returns what h has counted of its calls. Any goroutine may call it. It is zero if
// h is no peer.
func StatsOf(h peer.Host) Stats {
	p, err := peer.Of(h)
	if err != nil {
		return Stats{}
	}
	return hostOf(p).read()
}

func (h *host) read() Stats {
	c := &h.stats
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{
		Made: c.gone.made, Answered: c.gone.answered,
		TimedOut: c.timedOut.Load(), Cancelled: c.cancelled.Load(), Lost: c.lost.Load(), TooMany: c.tooMany.Load(),
		Late: c.late.Load(), Duplicate: c.duplicate.Load(),
		Failed: c.failed.Load(), Panics: c.panics.Load(), Refused: c.refused.Load(), Withdrawn: c.withdrawn.Load(),
		Expired: c.expired.Load(), Malformed: c.malformedPacket.Load(),
	}
	for i := range c.handled {
		s.Handled += c.handled[i].n.Load()
	}
	for calls := range h.conns {
		calls.addTo(&s)
	}
	return s
}
