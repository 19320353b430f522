package session

// What one peer has for its sessions: its part of the feature, and what it hears of conns.

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// hostSlot is where a peer has its host. It is an identity, and never changes.
var hostSlot = peer.NewPeerSlot[*host]()

// host is what a peer has for its sessions.
type host struct {
	// Set once.
	peer *peer.Peer
	once sync.Once // joins the peer
	err  error     // of that

	counters counters

	mu sync.Mutex

	// Guarded by mu.
	server *Sessions           // nil: the peer serves none
	all    map[*Session]uint64 // that have not ended, to their numbers
	added  uint64              // how many there were
	closed bool
	late   []func() // of afterLoops
	isLate bool     // a goroutine calls them
}

// hostOf returns the host of a peer, which has joined the feature.
func hostOf(p *peer.Peer) (*host, error) {
	h := hostSlot.GetOrSet(p, func() *host { return &host{peer: p, all: make(map[*Session]uint64)} })
	h.once.Do(h.join)
	return h, h.err
}

// join has the peer announce sessions, and this package hear of its conns.
func (h *host) join() {
	h.err = h.peer.Extend(peer.Extension{Feature: Feature, Offer: h.offer, Offered: h.offered, Packet: h.packet, Inside: h.inside})
	if h.err != nil {
		return
	}
	h.peer.Observe(peer.Observer{Made: h.made, Lost: h.lost, Pressure: h.pressure})
	context.AfterFunc(h.peer.Lifetime(), h.close)
}

// serves is what a side that serves sessions tells in its pubids. Secrets are not told there:
// the other side has not been authenticated then.
const serves = 1

func (h *host) offer(*peer.Conn) []byte {
	if h.sessions() == nil {
		return nil
	}
	return []byte{serves}
}

func (h *host) offered(c *peer.Conn, details []byte) error {
	if len(details) > 0 && details[0] == serves {
		h.carrierOf(c).served = true
	}
	return nil
}

// sessions are those that the peer serves, or nil.
func (h *host) sessions() *Sessions {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.server
}

// made begins or resumes the session that a client's conn is for.
func (h *host) made(c *peer.Conn) {
	if s, ok := c.Label().(*Session); ok && s.host == h {
		s.connMade(h.carrierOf(c))
	}
}

func (h *host) lost(c *peer.Conn, reason error) {
	k, ok := carrierSlot.Get(c)
	if ok {
		k.lose(reason)
	}
	if s, labelled := c.Label().(*Session); labelled && s.host == h && peer.Permanent(reason) && !(ok && k.over) {
		s.onOwner(func() { // the client does not come back
			if s.Away() && s.candidate == nil {
				s.finish(reason, false)
			}
		})
	}
}

func (h *host) pressure(c *peer.Conn, above bool) {
	if k, ok := carrierSlot.Get(c); ok && !above {
		k.pump()
	}
}

// add counts a session that begins. It returns peer.ErrClosed if the peer is closed.
func (h *host) add(s *Session) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return peer.ErrClosed
	}
	h.added++
	h.all[s] = h.added
	return nil
}

func (h *host) remove(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, s)
}

// close ends all sessions, in the order in which they began, because the peer has been closed or
// is being shut down.
func (h *host) close() {
	h.mu.Lock()
	h.closed = true
	all := slices.SortedFunc(maps.Keys(h.all), func(a, b *Session) int { return cmp.Compare(h.all[a], h.all[b]) })
	h.mu.Unlock()
	for _, s := range all {
		s.onOwner(func() { s.finish(peer.ErrClosed, false) })
	}
}

// post has fn called on loop, or in its place if it has ended.
func (h *host) post(loop *engine.Loop, fn func()) {
	if loop.PostElse(fn, fn) != nil {
		h.afterLoops(fn)
	}
}

// afterLoops calls fn in place of a loop that has ended with its reactor. Functions are called
// one after the other, as on a loop.
func (h *host) afterLoops(fn func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.late = append(h.late, fn)
	if !h.isLate {
		h.isLate = true
		go h.callLate()
	}
}

func (h *host) callLate() {
	done := false
	defer func() {
		if !done { // a function of the program's has ended the goroutine
			go h.callLate()
		}
	}()
	for {
		h.mu.Lock()
		if len(h.late) == 0 {
			h.isLate, done = false, true
			h.mu.Unlock()
			return
		}
		fn := h.late[0]
		h.late = h.late[1:]
		h.mu.Unlock()
		fn()
	}
}
