package room

// Stats: counts of sets, members and packets.

import "sync/atomic"

// Stats are counts of a Rooms or a Topics.
type Stats struct {
	Sets        int // rooms that have members; patterns that have subscribers
	Members     int // who have joined at least once, and have not ended
	Memberships int // in all rooms together; subscriptions

	Sends  uint64 // packets that were sent to a room or a subject that had members, each to any number of members
	Sent   uint64 // packets that members' conns have taken
	Failed uint64 // packets that they have not: too much waits for the member, or it is ending
}

// counters are the counts that senders add to.
type counters struct{ sends, sent, failed atomic.Uint64 }

// count counts one packet that was sent to some members, and could not be to others.
func (c *counters) count(sent, failed int) {
	c.sends.Add(1)
	c.sent.Add(uint64(sent))
	c.failed.Add(uint64(failed))
}

func (c *counters) addTo(s *Stats) {
	s.Sends, s.Sent, s.Failed = c.sends.Load(), c.sent.Load(), c.failed.Load()
}
