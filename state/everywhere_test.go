package state

import (
	"sync"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// Over every transport, while goroutines change the values, the mirror comes to have them.
func TestAMirrorFollowsEverywhere(t *testing.T) {
	var st *State[thing]
	var m *Mirror[thing]
	var lobby room.Room
	everywhere(t, func(w *world) {
		lobby = room.New(w.Server, nil).Room("lobby")
		st = New(lobby, things, Hz(200))
		m = NewMirror(w.Client, things, nil)
	}, func(t *testing.T, w *world) {
		if err := lobby.Join(w.AtServer); err != nil {
			t.Fatal(err)
		}
		var setters sync.WaitGroup
		for g := range uint64(4) {
			setters.Go(func() {
				for n := range 500 {
					st.Set(&thing{g*100 + uint64(n)%50, n})
					if n%7 == 0 {
						st.Delete(g*100 + uint64(n)%20)
					}
				}
			})
		}
		if err := st.View(w.AtServer, func(v *thing) bool { return v.ID%2 == 0 }); err != nil {
			t.Error(err)
		}
		setters.Wait()
		eventually(t, "the mirror to be equal", func() bool { return equal(st, m, func(v *thing) bool { return v.ID%2 == 0 }) })
		st.View(w.AtServer, nil)
		eventually(t, "the mirror to have all", func() bool { return equal(st, m, func(*thing) bool { return true }) })
		lobby.Leave(w.AtServer)
		eventually(t, "the mirror to be empty", func() bool { return m.Len() == 0 })
		st.Close()
	})
}

// equal reports whether the mirror has what the view sees of the state.
func equal(st *State[thing], m *Mirror[thing], sees func(v *thing) bool) bool {
	n := 0
	for id := range uint64(1000) {
		want, ok := st.Get(id)
		if ok = ok && sees(&want); ok {
			n++
		}
		if got, has := m.Get(id); has != ok || got != want && ok {
			return false
		}
	}
	return n == m.Len()
}

// Both sides of a conn may have states and mirrors.
func TestStatesInBothDirections(t *testing.T) {
	var there, back *State[thing]
	var atClient, atServer *Mirror[thing]
	everywhere(t, func(w *world) {
		there, back = NewFor(w.Server, things, Hz(200)), NewFor(w.Client, things, Hz(200))
		atClient, atServer = NewMirror(w.Client, things, nil), NewMirror(w.Server, things, nil)
	}, func(t *testing.T, w *world) {
		for st, c := range map[*State[thing]]*peer.Conn{there: w.AtServer, back: w.AtClient} {
			if err := st.Join(c); err != nil {
				t.Fatal(err)
			}
		}
		there.Set(&thing{1, 1})
		back.Set(&thing{2, 2})
		all := func(*thing) bool { return true }
		eventually(t, "both mirrors to be equal", func() bool { return equal(there, atClient, all) && equal(back, atServer, all) })
	})
}
