package request

import (
	"fmt"
	"math"
	"testing"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
)

// BenchmarkJoinAndLeave is a client in memory that joins a room by request and leaves it, on the
// loop that both sides share.
func BenchmarkJoinAndLeave(b *testing.B) {
	reg := registry.New()
	reg.MustAdd(lobbies.Packets()...)
	srv := peer.NewMemoryServer(reg, nil)
	rooms := room.New(srv, nil)
	ServeRooms(srv, lobbies, rooms, &Config{May: everything, Rate: rate.Limit{PerSecond: math.Inf(1)}})
	cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: srv.Reactor()})
	srv.RunAsync()
	b.Cleanup(func() { cli.Close(); srv.Close() })
	c, err := cli.Connect(b.Context(), srv)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	done := make(chan error, 1)
	i := 0
	var again func(error)
	left := func(was bool, err error) {
		if !was && err == nil {
			err = fmt.Errorf("was no member after %d joins", i)
		}
		again(err)
	}
	joined := func(err error) {
		if err != nil {
			done <- err
			return
		}
		lobbies.LeaveThen(c, "lobby", 0, left)
	}
	again = func(err error) {
		if i++; err != nil || i > b.N {
			done <- err
			return
		}
		lobbies.JoinThen(c, "lobby", 0, joined)
	}
	c.Loop().Post(func() { again(nil) })
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
