package peer

// What packages beside this one keep on a conn: values in slots, and functions to call
// when it is lost; and the counts of its packets. A conn has none of it until the first is
// set, or counted.

import (
	"sync"
	"sync/atomic"
)

// attachments are what packages have attached to one conn.
type attachments struct {
	slots atomic.Pointer[[]slotValue] // replaced as a whole, so that Get takes no lock

	mu sync.Mutex

	// Guarded by mu.
	onLost []*lostFunc // in the order of OnLost

	// For the loop only.
	heard, told updateBudget  // updates of the ids
	tellsLater  bool          // tellNews is about to be called again
	firstCount  PacketCount   // of the type that was counted first, which for many conns is the only one; its Packet is nil before
	counts      []PacketCount // of the others
}

// attach returns the conn's attachments, made if there are none yet.
func (c *Conn) attach() *attachments {
	if a := c.extra.Load(); a != nil {
		return a
	}
	c.extra.CompareAndSwap(nil, new(attachments))
	return c.extra.Load()
}
