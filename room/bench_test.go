package room

import (
	"context"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// crowd is a server with n members in memory, on its one loop.
func crowd(b *testing.B, n int, rooms func(srv *peer.MemoryServer) Room) (*peer.MemoryServer, Room) {
	b.Helper()
	reg := registry.New()
	reg.MustAdd(news)
	srv := peer.NewMemoryServer(reg, nil)
	cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: srv.Reactor()})
	peer.HandleRaw(cli, news, func(*peer.Conn, []byte) error { return nil })
	srv.RunAsync()
	b.Cleanup(func() { cli.Close(); srv.Close() })
	for range n {
		if _, err := cli.Connect(context.Background(), srv); err != nil {
			b.Fatal(err)
		}
	}
	lobby := rooms(srv)
	for c := range srv.Conns() {
		for c.State() != peer.Active {
			srv.Reactor().Loops()[0].Call(b.Context(), func() {})
		}
		if err := lobby.Join(c); err != nil {
			b.Fatal(err)
		}
	}
	return srv, lobby
}

// BenchmarkSend is what a packet to 1,000 members costs, by Send and by Broadcast, together
// with what the members' clients do with it.
func BenchmarkSend(b *testing.B) {
	srv, lobby := crowd(b, 1000, func(srv *peer.MemoryServer) Room { return New(srv, nil).Room("lobby") })
	loop := srv.Reactor().Loops()[0]
	n := &note{1}
	for _, by := range []struct {
		name string
		send func() error
	}{
		{"room", func() error { return Send(lobby, news, n) }},
		{"broadcast", func() error { return peer.Broadcast(srv, news, n) }},
	} {
		b.Run(by.name, func(b *testing.B) {
			b.ReportAllocs()
			done := make(chan error, 1)
			i := 0
			var again func()
			again = func() {
				if i++; i > b.N {
					done <- nil
					return
				}
				if err := by.send(); err != nil {
					done <- err
					return
				}
				loop.Post(again)
			}
			loop.Post(again)
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkJoinLeave is one member joining and leaving a room of 1,000, while it is in some
// others.
func BenchmarkJoinLeave(b *testing.B) {
	for _, in := range []int{0, 10, 255} {
		b.Run(fmt.Sprintf("in %d others", in), func(b *testing.B) {
			var rooms *Rooms
			_, lobby := crowd(b, 1000, func(srv *peer.MemoryServer) Room {
				rooms = New(srv, nil)
				return rooms.Room("lobby")
			})
			var c Member
			for m := range lobby.Members() {
				c = m
			}
			lobby.Leave(c)
			for i := range in {
				if err := rooms.Room(fmt.Sprint(i)).Join(c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				lobby.Join(c)
				lobby.Leave(c)
			}
		})
	}
}
