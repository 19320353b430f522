package room

import (
	"slices"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// On every transport a sender's packets, joins and leaves have the order of its calls, beside
// what it sends on the conn itself; and the end of a conn ends its memberships.
func TestRoomsEverywhere(t *testing.T) {
	type lost struct {
		room   string
		reason error
	}
	got := make(chan int, 100)
	everywhere(t, func(w *world) {
		peer.Handle(w.Client, news, func(_ *peer.Conn, n *note) error { got <- n.N; return nil })
	}, func(t *testing.T, w *world) {
		left := make(chan lost, 10)
		rooms := New(w.Server, &Config{Left: func(r Room, m Member, reason error) { left <- lost{r.Name(), reason} }})
		lobby := rooms.Room("lobby")
		send(t, lobby, 1)
		join(t, lobby, w.AtServer)
		send(t, lobby, 2)
		if err := peer.Send(w.AtServer, news, &note{3}); err != nil {
			t.Fatal(err)
		}
		send(t, lobby, 4)
		send(t, lobby, 5, Except(w.AtServer))
		send(t, lobby, 6)
		lobby.Leave(w.AtServer)
		send(t, lobby, 7)
		join(t, lobby, w.AtServer)
		send(t, lobby, 8)
		var all []int
		for range 5 {
			all = append(all, await.Value(t, "packet", got))
		}
		if want := []int{2, 3, 4, 6, 8}; !slices.Equal(all, want) {
			t.Errorf("got %v, want %v", all, want)
		}
		if l := await.Value(t, "leave", left); l.reason != nil {
			t.Errorf("Leave is told with %v", l.reason)
		}
		w.AtClient.Close()
		if l := await.Value(t, "end", left); l.room != "lobby" || l.reason == nil {
			t.Errorf("the end is told as %+v", l)
		}
		if s := rooms.Stats(); s.Sets != 0 || s.Members != 0 || s.Memberships != 0 {
			t.Errorf("after the end of all conns there are %+v", s)
		}
		if len(got) != 0 {
			t.Errorf("got %d besides", <-got)
		}
	})
}
