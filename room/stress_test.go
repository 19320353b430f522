package room

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Many goroutines join, leave, send and list, while conns end. Each join is told once, before
// its leave, and in the end nothing is left.
func TestManyGoroutines(t *testing.T) {
	leak.Check(t)
	type key struct {
		room string
		m    Member
	}
	const conns, workers, names = 40, 6, 7
	steps := 2000
	if testing.Short() {
		steps = 300
	}
	var mu sync.Mutex
	in := make(map[key]int) // 1 after joined, 0 after left
	change := func(r Room, m Member, by int) {
		mu.Lock()
		defer mu.Unlock()
		k := key{r.Name(), m}
		if in[k] += by; in[k] != max(by, 0) {
			t.Errorf("%v is told to be in %s %d times", m, r.Name(), in[k])
		}
		if in[k] == 0 {
			delete(in, k)
		}
	}
	reg := registry.New()
	reg.MustAdd(news)
	server := peer.NewMemoryServer(reg, &peer.Config{Engine: &engine.Config{Loops: 2}})
	client := peer.NewMemoryClient(reg, &peer.Config{Reactor: server.Reactor()})
	peer.Handle(client, news, func(*peer.Conn, *note) error { return nil })
	rooms := New(server, &Config{Memberships: 4,
		Joined: func(r Room, m Member) { change(r, m, 1) },
		Left:   func(r Room, m Member, _ error) { change(r, m, -1) },
	})
	server.RunAsync()
	t.Cleanup(func() { client.Close(); server.Close() })
	for range conns {
		if _, err := client.Connect(context.Background(), server); err != nil {
			t.Fatal(err)
		}
	}
	var members []*peer.Conn
	eventually(t, "the server's conns", func() bool {
		members = members[:0]
		for c := range server.Conns() {
			if c.State() == peer.Active {
				members = append(members, c)
			}
		}
		return len(members) == conns
	})
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for range steps {
				room := rooms.Room(fmt.Sprint(r.IntN(names)))
				c := members[r.IntN(conns)]
				switch what := r.IntN(100); {
				case what < 40:
					room.Join(c) // may be too much, or too late
				case what < 70:
					room.Leave(c)
				case what < 90:
					if err := Send(room, news, &note{1}, Except(c)); err != nil {
						t.Error(err)
					}
				case what < 99:
					for m := range room.Members() {
						rooms.Of(m)
					}
				default:
					c.Abort(nil)
				}
			}
		})
	}
	all.Wait()
	for _, c := range members {
		c.Abort(nil)
	}
	eventually(t, "the end of all members", func() bool {
		mu.Lock()
		defer mu.Unlock()
		s := rooms.Stats()
		return len(in) == 0 && s.Sets == 0 && s.Members == 0 && s.Memberships == 0
	})
}
