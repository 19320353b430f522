// Package members knows which nodes there are, by the hellos that each sends again and again.
// It does no input or output: it is told what came and what time it is.
package members

import (
	"cmp"
	"slices"
	"time"
)

// ID is a node from its start to its end: the same name with a later epoch is another one.
type ID struct {
	Name  string
	Epoch uint64
}

// Later reports whether id is of the same node's later start.
func (id ID) Later(than ID) bool { return id.Name == than.Name && id.Epoch > than.Epoch }

// Hello is what a node says of itself.
type Hello struct {
	From     ID
	Services []string // that it offers
	Leaving  bool     // it goes, and knows it
}

// Event is that a node has come or gone, or offers something else.
type Event struct {
	Kind  Kind
	Hello Hello
}

// Kind is what has happened to a node.
type Kind int

const (
	Came      Kind = iota + 1
	Changed        // its services
	Left           // it said so
	Lost           // it was not heard for the lease
	Forgotten      // it is gone for long: whoever has its name now is another one
	Usurped        // another node has this one's name, and is later: this one is to end
	Refused        // there is no room for it: see MaxStrangers
)

// Members are the nodes that one node knows. The zero value is not ready: see New.
type Members struct {
	self  ID
	lease time.Duration
	nodes map[string]*node // by name, without self

	vouched []ID // nodes that have proven to be ones, and whose hello was not taken yet
}

type node struct {
	hello Hello
	heard time.Duration
	gone  bool // with this epoch; remembered so that late hellos do not bring it back

	proven bool // it was spoken with, or vouched for
	failed bool // it is not proven, and has not answered in time
}

// New returns the members that self knows at its start: none. A node that is not heard for
// the lease is lost.
func New(self ID, lease time.Duration) *Members {
	return &Members{self: self, lease: lease, nodes: make(map[string]*node)}
}

// Hello takes in what a node says of itself.
func (m *Members) Hello(h Hello, now time.Duration) []Event {
	switch {
	case h.From == m.self:
		return nil
	case h.From.Name == m.self.Name:
		if h.From.Later(m.self) {
			return []Event{{Usurped, h}}
		}
		return nil
	}
	var events []Event
	n := m.nodes[h.From.Name]
	switch {
	case n == nil:
	case n.hello.From.Later(h.From): // of a start before the one that is known
		return nil
	case h.From.Later(n.hello.From):
		if !n.gone {
			events = append(events, Event{Lost, n.hello})
		}
		n = nil
	case n.gone && n.hello.Leaving:
		return nil
	case n.gone: // it was only not heard for a while
		n = nil
	}
	if n == nil {
		dropped, ok := m.admit(h)
		if !ok {
			return append(events, Event{Refused, h})
		}
		events = append(events, dropped...)
		m.come(h, now)
		if !h.Leaving {
			events = append(events, Event{Came, h})
		}
		return events
	}
	n.heard = now
	switch {
	case h.Leaving:
		n.gone = true
		events = append(events, Event{Left, h})
	case !slices.Equal(n.hello.Services, h.Services):
		events = append(events, Event{Changed, h})
	}
	n.hello = h
	return events
}

// remember is for how many leases a node is remembered that was not heard. With less, messages
// that are late bring it back, for a lease. With more, it takes longer until an earlier start of
// its is heard, which has outlived the later one: that ended before the two have met.
const remember = 8

// Tick tells which nodes were not heard for the lease.
func (m *Members) Tick(now time.Duration) (events []Event) {
	for name, n := range m.nodes {
		switch {
		case !n.gone && now-n.heard > m.lease:
			n.gone = true
			events = append(events, Event{Lost, n.hello})
		case n.gone && now-n.heard > remember*m.lease:
			delete(m.nodes, name)
			events = append(events, Event{Forgotten, n.hello})
		}
	}
	slices.SortFunc(events, func(a, b Event) int { return cmp.Compare(a.Hello.From.Name, b.Hello.From.Name) })
	return events
}

// Heard notes that something came from a node, which is as good as a hello.
func (m *Members) Heard(id ID, now time.Duration) {
	if n := m.nodes[id.Name]; n != nil && n.hello.From == id && !n.gone {
		n.heard = now
	}
}

// Get is what a node says of itself, if it is there.
func (m *Members) Get(name string) (h Hello, ok bool) {
	n := m.nodes[name]
	if n == nil || n.gone {
		return h, false
	}
	return n.hello, true
}

// All are the nodes that are there, by name.
func (m *Members) All() (all []Hello) {
	for _, n := range m.nodes {
		if !n.gone {
			all = append(all, n.hello)
		}
	}
	slices.SortFunc(all, func(a, b Hello) int { return cmp.Compare(a.From.Name, b.From.Name) })
	return all
}
