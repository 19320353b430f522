package room_test

import (
	"context"
	"fmt"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
)

var (
	enter = registry.Define[string]("chat:enter", 20) // the name of a room
	say   = registry.Define[string]("chat:say", 21)
)

// Clients ask to join a room by a packet of the program's, which decides.
func Example() {
	reg := registry.New()
	reg.MustAdd(enter, say)
	srv := peer.NewServer(reg, nil)
	joined := make(chan struct{})
	rooms := room.New(srv, &room.Config{
		Joined: func(room.Room, room.Member) { joined <- struct{}{} },
	})
	peer.Handle(srv, enter, func(c *peer.Conn, name *string) error {
		if *name != "lobby" { // whatever the program says
			return fmt.Errorf("no room %q", *name)
		}
		return rooms.Room(*name).Join(c)
	})
	peer.Handle(srv, say, func(c *peer.Conn, text *string) error {
		return room.Send(rooms.Room("lobby"), say, text, room.Except(c))
	})
	srv.RunAsync()
	defer srv.Close()

	heard := make(chan string)
	conn := func(name string) *peer.Conn {
		cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: srv.Reactor()})
		peer.Handle(cli, say, func(_ *peer.Conn, text *string) error {
			go func() { heard <- name + " hears " + *text }()
			return nil
		})
		c, err := cli.Connect(context.Background(), srv)
		if err != nil {
			panic(err)
		}
		lobby := "lobby"
		peer.Send(c, enter, &lobby)
		<-joined
		return c
	}
	anna := conn("Anna")
	conn("Ben")
	text := "hello"
	peer.Send(anna, say, &text)
	fmt.Println(<-heard)
	// Output: Ben hears hello
}
