package trial

// history: where users were, and what has ended between the nodes, by which a Ledger judges.

import (
	"fmt"
	"slices"
	"time"
)

// apart is by how much the word of an event may come here after a packet that came later than it,
// or before a packet that came earlier: they travel through different processes.
const apart = time.Second

// history is what has happened to users and nodes. It is guarded by the Ledger's mu.
type history struct {
	downs  []down
	places map[string][]place         // by user, the oldest first
	copied map[string][]time.Duration // by user: when a node has gone on with its session from a copy
}

// down is the end of a conn between two nodes, of which one has told.
type down struct {
	at   time.Duration
	a, b string
}

// place is where a user was from some time on.
type place struct {
	at   time.Duration
	node string
}

func newHistory() history {
	return history{places: make(map[string][]place), copied: make(map[string][]time.Duration)}
}

// connEnded reports whether between two times a conn has ended by which packets go from one user
// to another: one between a node of the first and a node of the second.
func (h *history) connEnded(from, to string, since, until time.Duration) bool {
	return slices.ContainsFunc(h.downs, func(d down) bool {
		if d.at < since-apart || d.at > until+apart {
			return false
		}
		return h.wasAt(from, d.a, since, until) && h.wasAt(to, d.b, since, until) ||
			h.wasAt(from, d.b, since, until) && h.wasAt(to, d.a, since, until)
	})
}

// wasAt reports whether a user was at a node at some time between two.
func (h *history) wasAt(user, node string, since, until time.Duration) bool {
	list := h.places[user]
	for i, p := range list {
		isBefore := i+1 < len(list) && list[i+1].at < since-apart
		if p.node == node && p.at <= until+apart && !isBefore {
			return true
		}
	}
	return false
}

// wentOn reports whether a user's session has gone on from a copy between two times.
func (h *history) wentOn(user string, since, until time.Duration) bool {
	return slices.ContainsFunc(h.copied[user], func(at time.Duration) bool { return since-apart <= at && at <= until+apart })
}

// moved reports whether a user has come from one node to another between two times.
func (h *history) moved(user string, since, until time.Duration) bool {
	for i, p := range h.places[user] {
		if i > 0 && since-apart <= p.at && p.at <= until+apart {
			return true
		}
	}
	return false
}

func (h *history) String() string { return fmt.Sprintf("conns ended: %v", h.downs) }
