// Package state keeps a set of values that readers follow: of each key only the latest value
// counts.
//
//	var pos = state.Define("game:pos", 60, func(p *Pos) uint64 { return p.ID })
//
//	reg.MustAdd(pos.Packets()...) // on both sides
//
// The side that has the values makes a State, over a room or for readers that it picks:
//
//	st := state.New(lobby, pos, state.Hz(20))
//	st.Set(&Pos{ID: 7, X: 1})
//	st.Delete(7)
//	st.View(c, func(p *Pos) bool { return near(c, p) })
//
// The other side has a Mirror, which is a map of the values:
//
//	m := state.NewMirror(client, pos, &state.MirrorConfig[Pos]{
//		Set:     func(c *peer.Conn, p *Pos) { ... },
//		Deleted: func(c *peer.Conn, id uint64, last *Pos) { ... },
//	})
//	p, ok := m.Get(7)
//
// A reader gets a snapshot first and then, at most once a tick, the newest value of each key
// that has changed. Nothing changed, nothing sent. When changes end, each mirror equals its
// reader's view of the State.
//
// # Readers that lag
//
// A mirror acknowledges each tick. A reader that owes two acknowledgements is sent nothing
// more until it answers, then the newest value of each key. So a reader that stalls costs no
// memory that grows with time, and what it gets after a stall is at most two ticks old, over
// every transport.
//
// # What travels
//
// Values are ordinary packets. What else there is to say, such as removals and ends of ticks,
// travels in the packets of a feature (FeatureState) that both sides need: a conn without it is
// refused as a reader.
//
// All functions and methods may be called from any goroutine, unless they say otherwise.
package state
