package sim

import (
	"fmt"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/state"
)

// source is a state, and what it should have.
type source struct {
	no     int
	has    map[uint64]int // the N of each key
	set    func(key uint64, n int) error
	remove func(key uint64) bool
	stats  func() state.Stats
	join   func(c *peer.Conn) error
	leave  func(c *peer.Conn)
	view   func(c *peer.Conn, sees func(n int) bool)
	review func(c *peer.Conn)
}

// newRoom is a source whose readers are the members of a room.
func (w *world) newRoom(rooms *room.Rooms, no int) *source {
	lobby := rooms.Room(fmt.Sprint(no))
	st := state.New(lobby, plains, w.settings())
	return &source{
		no: no, has: make(map[uint64]int), remove: st.Delete, stats: st.Stats,
		set:    func(key uint64, n int) error { return st.Set(&plain{key, n}) },
		join:   func(c *peer.Conn) error { return lobby.Join(c) },
		leave:  func(c *peer.Conn) { lobby.Leave(c) },
		review: func(c *peer.Conn) { st.Review(c) },
		view: func(c *peer.Conn, sees func(n int) bool) {
			st.View(c, func(v *plain) bool { return sees(v.N) })
		},
	}
}

// newOpen is a source whose readers join by themselves.
func (w *world) newOpen(no int) *source {
	st := state.NewFor(w.server, deeps, w.settings())
	shared := &deep{N: []int{0}} // used again and again
	return &source{
		no: no, has: make(map[uint64]int), remove: st.Delete, stats: st.Stats,
		set: func(key uint64, n int) error {
			shared.ID, shared.N[0] = key, n
			return st.Set(shared)
		},
		join:   func(c *peer.Conn) error { return st.Join(c) },
		leave:  func(c *peer.Conn) { st.Leave(c) },
		review: func(c *peer.Conn) { st.Review(c) },
		view: func(c *peer.Conn, sees func(n int) bool) {
			st.View(c, func(v *deep) bool { return sees(v.N[0]) })
		},
	}
}
