package state

// host: what one peer has for states: its feature, and its mirrors by the packets that they
// follow.

import (
	"slices"
	"sync"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// hostSlot is where a peer has its host. It is an identity, and never changes.
var hostSlot = peer.NewPeerSlot[*host]()

// host is what a peer has for states.
type host struct {
	// Set once.
	peer *peer.Peer
	once sync.Once

	mu sync.Mutex

	// Guarded by mu.
	mirrors map[string][]follower // by the name of the packet, in the order in which they were made
	grids   map[gridKey]*grid
}

// gridKey is what has one grid.
type gridKey struct {
	loop   *engine.Loop
	period time.Duration
}

// grid is the grid of a loop for one period.
func (h *host) grid(loop *engine.Loop, period time.Duration) *grid {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.grids[gridKey{loop, period}]
	if g == nil {
		g = new(grid)
		h.grids[gridKey{loop, period}] = g
	}
	return g
}

// follower is a Mirror of any type.
type follower interface {
	takes(c *peer.Conn) bool
	begin(c *peer.Conn, in *inlet)
	remove(c *peer.Conn, in *inlet, m *message)
	complete(c *peer.Conn, in *inlet)
	end(c *peer.Conn, in *inlet)
	lost(in *inlet)
}

// Enable has conns of h that are made from now on announce that this side can have states and
// mirrors. New, NewFor and NewMirror do so too: it is for programs that make the first of them
// while conns are open. It panics, as peer.Handle does, if h is no peer, or if something else
// has taken FeatureState.
func Enable(h peer.Host) { hostOf(mustPeer(h)) }

func mustPeer(h peer.Host) *peer.Peer {
	p, err := peer.Of(h)
	if err != nil {
		panic(err)
	}
	return p
}

func hostOf(p *peer.Peer) *host {
	h := hostSlot.GetOrSet(p, func() *host {
		return &host{peer: p, mirrors: make(map[string][]follower), grids: make(map[gridKey]*grid)}
	})
	h.once.Do(func() {
		if err := p.Extend(peer.Extension{Feature: FeatureState, Packet: h.onPacket}); err != nil {
			panic(err)
		}
		if n := p.NumConns(); n > 0 {
			p.Log(levelRefused, "conns that are open already cannot follow a state: state.Enable was not called before", "conns", n)
		}
	})
	return h
}

// adopt has what comes for a packet on conns, and was followed by no mirror, begin again.
func (h *host) adopt(name string) {
	for c := range h.peer.Conns() {
		if side, ok := sideSlot.Get(c); ok {
			c.Loop().Post(func() { side.adopt(h, name) })
		}
	}
}

func (h *host) addMirror(name string, m follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mirrors[name] = append(slices.Clone(h.mirrors[name]), m)
}

func (h *host) removeMirror(name string, m follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mirrors[name] = slices.DeleteFunc(slices.Clone(h.mirrors[name]), func(other follower) bool { return other == m })
}

// mirrorFor is the mirror that follows a packet on c: the one that was made last of those that
// take the conn, or nil.
func (h *host) mirrorFor(name string, c *peer.Conn) follower {
	h.mu.Lock()
	all := h.mirrors[name]
	h.mu.Unlock()
	for _, m := range slices.Backward(all) {
		if m.takes(c) {
			return m
		}
	}
	return nil
}

// onPacket handles a packet of the feature, on the conn's loop.
func (h *host) onPacket(c *peer.Conn, payload []byte) error {
	m, err := readMessage(payload)
	if err != nil {
		return &peer.PayloadError{Packet: "feature of package state", Err: err}
	}
	return sideOf(c).handle(h, &m)
}
