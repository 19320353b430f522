package session

// What a peer counts of its sessions.

import (
	"sync/atomic"

	"github.com/packetmq/packetmq/peer"
)

// Stats are counts of a peer's sessions, since it has had some.
type Stats struct {
	Sessions int // that there are, those that are away included

	Begun     uint64 // at a server: accepted as new
	Resumed   uint64 // at a server: accepted again
	Ended     uint64
	Refused   uint64 // conns whose claims were refused, for the reasons that follow among others
	Unknown   uint64 // there was no session with the id
	Wrong     uint64 // there was, and the secret was another one
	Denied    uint64 // by MayResume
	Malformed uint64 // packets that were no session's, or came out of turn
}

type counters struct {
	begun, resumed, ended, refused, unknown, wrong, denied, malformed atomic.Uint64
}

// StatsOf returns what h has counted. It is zero if h is no peer, or has no sessions. Any
// goroutine may call it.
func StatsOf(h peer.Host) Stats {
	p, err := peer.Of(h)
	if err != nil {
		return Stats{}
	}
	own, ok := hostSlot.Get(p)
	if !ok {
		return Stats{}
	}
	own.mu.Lock()
	n := len(own.all)
	own.mu.Unlock()
	c := &own.counters
	return Stats{
		Sessions: n, Begun: c.begun.Load(), Resumed: c.resumed.Load(), Ended: c.ended.Load(), Refused: c.refused.Load(),
		Unknown: c.unknown.Load(), Wrong: c.wrong.Load(), Denied: c.denied.Load(), Malformed: c.malformed.Load(),
	}
}
