package members

// Strangers: nodes that nobody has spoken with yet. Whoever may publish can say hello in many names,
// and each of them is answered with a conn that is begun; so there are bounds on them. A node that
// has been spoken with makes room for none of them.

import (
	"cmp"
	"slices"
	"time"
)

const (
	// MaxNodes is how many other nodes are known at once, those that are remembered to be gone among
	// them. With more, whoever says hello in many names takes more memory; with fewer, a cluster may
	// have fewer nodes.
	MaxNodes = 1024

	// MaxStrangers is how many of them may be there that have not been spoken with. With more, hellos
	// in many names begin more conns; with fewer, many nodes that come at once wait for each other.
	MaxStrangers = 128

	// maxVouched is how many nodes are remembered that were spoken with before their hello was taken.
	maxVouched = 64
)

// admit makes room for a node that says hello. The events are what makes it; ok is false if there
// is none.
func (m *Members) admit(h Hello) (events []Event, ok bool) {
	before := m.nodes[h.From.Name]
	switch {
	case before != nil && !before.gone: // it takes that one's place
		return nil, true
	case before == nil && len(m.nodes) >= MaxNodes && !m.dropOldest(func(n *node) bool { return n.gone }, &events):
		return nil, false
	case h.Leaving || m.isVouched(h.From):
		return events, true
	case m.strangers() >= MaxStrangers && !m.dropOldest(func(n *node) bool { return !n.gone && n.failed }, &events):
		return nil, false
	}
	return events, true
}

// strangers counts those that are there.
func (m *Members) strangers() (count int) {
	for _, n := range m.nodes {
		if !n.gone && !n.proven {
			count++
		}
	}
	return count
}

// dropOldest forgets the node that was not heard for longest among those that f chooses. It reports
// whether there was one.
func (m *Members) dropOldest(f func(*node) bool, events *[]Event) bool {
	var oldest *node
	for _, n := range m.nodes {
		if f(n) && (oldest == nil || compareHeard(n, oldest) < 0) {
			oldest = n
		}
	}
	if oldest == nil {
		return false
	}
	kind := Lost
	if oldest.gone {
		kind = Forgotten
	}
	delete(m.nodes, oldest.hello.From.Name)
	*events = append(*events, Event{kind, oldest.hello})
	return true
}

func compareHeard(a, b *node) int {
	return cmp.Or(cmp.Compare(a.heard, b.heard), cmp.Compare(a.hello.From.Name, b.hello.From.Name))
}

// Prove notes that a node is one: it was spoken with, or knows what only who hears this node knows.
func (m *Members) Prove(id ID) {
	if n := m.nodes[id.Name]; n != nil && n.hello.From == id && !n.gone {
		n.proven, n.failed = true, false
		return
	}
	if !m.isVouched(id) {
		m.vouched = append(m.vouched, id)
		m.vouched = m.vouched[max(len(m.vouched)-maxVouched, 0):]
	}
}

// Fail notes that a node was not spoken with in time: it makes room for another one, if there is
// none else.
func (m *Members) Fail(id ID) {
	if n := m.nodes[id.Name]; n != nil && n.hello.From == id && !n.proven {
		n.failed = true
	}
}

// IsProven reports whether a node that is there has been spoken with.
func (m *Members) IsProven(id ID) bool {
	n := m.nodes[id.Name]
	return n != nil && n.hello.From == id && !n.gone && n.proven
}

// isVouched reports whether a node was spoken with before its hello was taken.
func (m *Members) isVouched(id ID) bool { return slices.Contains(m.vouched, id) }

// come takes in the first hello of a node.
func (m *Members) come(h Hello, now time.Duration) {
	m.nodes[h.From.Name] = &node{hello: h, heard: now, gone: h.Leaving, proven: m.isVouched(h.From)}
	m.vouched = slices.DeleteFunc(m.vouched, func(id ID) bool { return id == h.From })
}
