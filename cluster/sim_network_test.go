package cluster

// The network of the simulation: it loses, doubles, delays and reorders messages, and is cut
// between any two nodes, in one direction or both.

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing/synctest"
	"time"
)

// simNetwork carries messages between plugs. All chance is drawn on the world's goroutine.
type simNetwork struct {
	w      *simWorld
	plugs  []*simPlug // of the hosts that run, as they began
	count  int        // of messages that were carried,
	hellos int        // and of those that are hellos
	bytes  int
	way    []flying
	cut    map[[2]int]bool // from and to which machine nothing goes

	lost, doubled, late int // of a hundred messages
}

// flying is a message on its way.
type flying struct {
	to *simPlug
	at time.Duration
	b  []byte
}

// simPlug is the bus of one node.
type simPlug struct {
	machine  int
	receive  func(b []byte)
	subjects []string

	mu     sync.Mutex
	out    []published // since the world has looked
	closed bool
}

type published struct {
	subject string
	b       []byte
}

func (p *simPlug) start(context.Context, string) error { return nil }

func (p *simPlug) publish(subject string, b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.out = append(p.out, published{subject, slices.Clone(b)})
	}
	return nil
}

func (p *simPlug) subscribe(_ context.Context, f func(b []byte), subjects ...string) error {
	p.receive, p.subjects = f, subjects
	return nil
}

func (p *simPlug) close() {} // what was published goes on its way; the world unplugs

// unplug has a plug send and receive nothing any more. What it has sent is on its way, unless
// the node vanished.
func (net *simNetwork) unplug(p *simPlug, vanished bool) {
	if vanished {
		p.out = nil
	}
	net.collect()
	p.closed = true
	net.plugs = slices.DeleteFunc(net.plugs, func(other *simPlug) bool { return other == p })
}

// collect takes what nodes have published on its way.
func (net *simNetwork) collect() {
	for _, p := range net.plugs {
		p.mu.Lock()
		out := p.out
		p.out = nil
		p.mu.Unlock()
		// Nodes send to several others in any order, and to each in its own.
		slices.SortStableFunc(out, func(a, b published) int { return cmp.Compare(a.subject, b.subject) })
		for _, m := range out {
			for _, to := range net.plugs {
				if slices.Contains(to.subjects, m.subject) {
					net.carry(p, to, m.b)
				}
			}
		}
	}
}

// carry takes one message on its way to one plug, or loses it.
func (net *simNetwork) carry(from, to *simPlug, b []byte) {
	if net.cut[[2]int{from.machine, to.machine}] || net.w.Chance(net.lost) {
		return
	}
	times := 1
	if net.w.Chance(net.doubled) {
		times = 2
	}
	for range times {
		at := net.w.now + time.Millisecond
		if net.w.Chance(net.late) {
			at += time.Duration(net.w.IntN(400)) * time.Millisecond
		}
		if net.w.Chance(net.late) && net.w.Chance(5) {
			at += time.Duration(net.w.IntN(8000)) * time.Millisecond // longer than everybody waits
		}
		net.way = append(net.way, flying{to, at, b})
		net.count++
		net.bytes += len(b)
		if b[0] == helloMessage {
			net.hellos++
		}
	}
}

// maxPiled is how many messages wait for a host that is paused: what is more is lost.
const maxPiled = 400

// deliver brings what is due.
func (net *simNetwork) deliver() {
	slices.SortStableFunc(net.way, func(a, b flying) int { return cmp.Compare(a.at, b.at) })
	piled := make(map[*simPlug]int)
	var due []flying
	left := net.way[:0]
	for _, m := range net.way {
		paused := net.w.isPaused(m.to)
		switch {
		case m.at <= net.w.now && !paused:
			due = append(due, m)
		case paused && piled[m.to] == maxPiled:
		default:
			piled[m.to]++
			left = append(left, m)
		}
	}
	clear(net.way[len(left):])
	net.way = left
	for _, m := range due {
		m.to.bring(m.b)
	}
}

// bringAny brings a message of chance's choice, which others were sent before.
func (net *simNetwork) bringAny() {
	if len(net.way) == 0 {
		return
	}
	i := net.w.IntN(len(net.way))
	m := net.way[i]
	if net.w.isPaused(m.to) {
		return
	}
	net.way = slices.Delete(net.way, i, i+1)
	m.to.bring(m.b)
}

// bring has the node take a message in, which may be in the middle of taking another one in:
// a message for a node that has ended meanwhile comes to nobody.
func (p *simPlug) bring(b []byte) {
	if !p.closed {
		p.receive(b)
		synctest.Wait()
	}
}
