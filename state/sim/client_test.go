package sim

import (
	"fmt"
	"slices"

	"github.com/packetmq/packetmq/internal/simtest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/state"
)

// client is a memory client with its mirrors.
type client struct {
	w      *world
	no     int
	peer   *peer.MemoryClient
	plains *state.Mirror[plain]
	deeps  *state.Mirror[deep]

	near, far *peer.Conn      // the conn at the client, and at the server; nil: there is none
	followed  bool            // it has been in a room on this conn
	joined    []*source       // in their order
	newest    map[uint64]int  // the N of each key that the mirrors have had
	modulo    map[*source]int // the client sees what is no multiple of it; 0: everything
}

func (w *world) newClient(no int) *client {
	c := &client{w: w, no: no, newest: make(map[uint64]int), modulo: make(map[*source]int)}
	reg := registry.NewAdapting()
	reg.MustAdd(append(plains.Packets(), deeps.Packets()...)...)
	cfg := w.Config()
	cfg.OnMade = func(conn *peer.Conn) { c.near = conn }
	cfg.OnLost = func(conn *peer.Conn, reason error) { c.lost(conn, reason) }
	c.peer = peer.NewMemoryClient(reg, cfg)
	c.plains = state.NewMirror(c.peer, plains, &state.MirrorConfig[plain]{
		Set:     func(_ *peer.Conn, v *plain) { c.set(v.ID, v.N) },
		Deleted: func(_ *peer.Conn, key uint64, v *plain) { c.deleted(key, v.N) },
		Synced:  func(*peer.Conn) { w.happened["synced"]++ },
	})
	c.deeps = state.NewMirror(c.peer, deeps, &state.MirrorConfig[deep]{
		Set:     func(_ *peer.Conn, v *deep) { c.set(v.ID, v.N[0]) },
		Deleted: func(_ *peer.Conn, key uint64, v *deep) { c.deleted(key, v.N[0]) },
	})
	return c
}

func (c *client) set(key uint64, n int) {
	c.w.Note("client %d has %d=%d", c.no, key, n)
	if n < c.newest[key] {
		c.w.Fail("key %d of client %d goes back from %d to %d", key, c.no, c.newest[key], n)
	}
	c.newest[key] = n
}

func (c *client) deleted(key uint64, last int) {
	c.w.Note("client %d has no %d", c.no, key)
	c.w.happened["deleted"]++
	if last != c.newest[key] {
		c.w.Fail("key %d of client %d was %d when it was deleted, not %d", key, c.no, c.newest[key], last)
	}
}

func (c *client) lost(conn *peer.Conn, reason error) {
	c.w.Note("client %d has lost its conn: %v", c.no, reason)
	c.w.happened["lost"]++
	if c.near == conn || c.near == nil {
		c.near, c.far, c.followed, c.joined = nil, nil, false, nil
		clear(c.modulo)
	}
}

// act does one thing.
func (c *client) act() {
	if c.far == nil {
		c.connect()
		return
	}
	s := simtest.Pick(c.w.World, c.w.sources)
	switch k := c.w.IntN(100); {
	case k < 30:
		c.join(s)
	case k < 40:
		c.leave(s)
	case k < 62:
		c.see(s, c.w.IntN(4))
	case k < 75:
		c.near.PauseRead()
	case k < 90:
		c.near.ResumeRead()
	default:
		c.cut()
	}
}

// connect has the client connect, and settles: so that both ends are known. Before that the
// loops catch up with the time, which on virtual loops counts for the handshake too.
func (c *client) connect() {
	if c.w.Settle(); c.far != nil {
		return
	}
	known := make(map[*peer.Conn]bool)
	for conn := range c.w.server.Conns() {
		known[conn] = true
	}
	if err := c.peer.ConnectAsync(c.w.server); err != nil {
		c.w.Fail("connect: %v", err)
		return
	}
	c.w.happened["again"]++
	c.w.Settle()
	for conn := range c.w.server.Conns() {
		if !known[conn] {
			c.far = conn
		}
	}
	if c.near == nil || c.far == nil {
		c.w.Fail("client %d is not connected", c.no)
	}
}

func (c *client) join(s *source) {
	if err := s.join(c.far); err == nil && !slices.Contains(c.joined, s) {
		c.joined = append(c.joined, s)
		c.followed = c.followed || s.no < 2
	}
}

func (c *client) leave(s *source) {
	s.leave(c.far)
	c.joined = slices.DeleteFunc(c.joined, func(other *source) bool { return other == s })
}

// see changes what the client sees of a source.
func (c *client) see(s *source, modulo int) {
	_, has := c.modulo[s]
	c.modulo[s] = modulo
	switch {
	case c.w.sabotage == notReviewed && has:
	case has && c.w.Chance(80):
		s.review(c.far)
	default:
		s.view(c.far, func(n int) bool { return c.sees(s, n) })
	}
}

func (c *client) sees(s *source, n int) bool { return c.modulo[s] == 0 || n%c.modulo[s] != 0 }

// cut ends the conn.
func (c *client) cut() {
	switch c.w.IntN(3) {
	case 0:
		c.far.Abort(errCut)
	case 1:
		c.near.Abort(errCut)
	default:
		c.far.Softquit("sim.quit")
	}
	c.w.Settle()
}

// arrive has the client there, reading, and a reader.
func (c *client) arrive() {
	if c.near != nil {
		c.near.ResumeRead() // what comes may be the end of the conn
		c.w.Settle()
	}
	if c.far == nil {
		c.connect()
	}
	if c.far == nil {
		return
	}
	if !c.followed || c.w.Chance(50) { // without that, a mirror keeps what it had of the last conn
		c.join(c.w.sources[c.w.IntN(2)])
	}
	c.join(c.w.sources[2])
	for _, s := range c.w.sources {
		c.see(s, c.w.IntN(4))
	}
}

// behind tells in what the mirrors differ from what the client is to see, or nothing.
func (c *client) behind() string {
	if what := compare(c.plains.Len(), c.expected(func(s *source) bool { return s.no < 2 }), func(key uint64) (int, bool) {
		v, ok := c.plains.Get(key)
		return v.N, ok && v.ID == key
	}); what != "" {
		return fmt.Sprintf("client %d: %s", c.no, what)
	}
	if what := compare(c.deeps.Len(), c.expected(func(s *source) bool { return s.no == 2 }), func(key uint64) (int, bool) {
		v, ok := c.deeps.Get(key)
		return append(v.N, 0)[0], ok && v.ID == key
	}); what != "" {
		return fmt.Sprintf("client %d: %s", c.no, what)
	}
	return ""
}

// expected is what the client is to see of the last source of some kind that it has joined. A
// client without a conn is not looked at.
func (c *client) expected(kind func(s *source) bool) map[uint64]int {
	for _, s := range slices.Backward(c.joined) {
		if kind(s) {
			seen := make(map[uint64]int)
			for key, n := range s.has {
				if c.sees(s, n) {
					seen[key] = n
				}
			}
			return seen
		}
	}
	return nil
}

func compare(has int, want map[uint64]int, get func(key uint64) (int, bool)) string {
	for key, n := range want {
		if got, ok := get(key); !ok || got != n {
			return fmt.Sprintf("key %d has %d, %v, and should have %d", key, got, ok, n)
		}
	}
	if has != len(want) {
		return fmt.Sprintf("the mirror has %d keys, and should have %d", has, len(want))
	}
	return ""
}
