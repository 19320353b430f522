package state_test

import (
	"context"
	"fmt"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/state"
)

// Pos is where a player is.
type Pos struct {
	ID   uint64
	X, Y int
}

var pos = state.Define("game:pos", 60, func(p *Pos) uint64 { return p.ID })

// A server keeps where the players of a room are, and a client follows.
func Example() {
	server, client := registry.New(), registry.NewAdapting()
	server.MustAdd(pos.Packets()...)
	client.MustAdd(pos.Packets()...)

	synced := make(chan bool, 1)
	cli := peer.NewMemoryClient(client, nil)
	mirror := state.NewMirror(cli, pos, &state.MirrorConfig[Pos]{
		Synced: func(*peer.Conn) { synced <- true },
	})

	srv := peer.NewMemoryServer(server, &peer.Config{Reactor: cli.Reactor()})
	lobby := room.New(srv, nil).Room("lobby")
	players := state.New(lobby, pos, state.Hz(20))
	srv.RunAsync()
	defer srv.Close()
	defer cli.Close()

	players.Set(&Pos{ID: 7, X: 1})
	players.Set(&Pos{ID: 7, X: 2}) // the newest counts
	players.Set(&Pos{ID: 8, X: 3})
	players.Delete(8)

	if _, err := cli.Connect(context.Background(), srv); err != nil {
		fmt.Println(err)
		return
	}
	for c := range srv.Conns() {
		lobby.Join(c)
	}
	<-synced
	p, ok := mirror.Get(7)
	fmt.Println(p.X, ok, mirror.Len())
	// Output: 2 true 1
}
