package request_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/room/request"
)

var (
	lobbies = request.Define("chat:rooms", 60)
	say     = registry.Define[string]("chat:say", 64)
)

// A client joins the rooms that the server lets it join.
func Example() {
	reg := registry.New()
	reg.MustAdd(append(lobbies.Packets(), say)...)
	srv := peer.NewServer(reg, nil)
	rooms := room.New(srv, nil)
	request.ServeRooms(srv, lobbies, rooms, &request.Config{
		May: func(_ *call.Context, name string) error {
			if name == "staff" {
				return request.ErrRefused
			}
			return nil
		},
	})
	srv.RunAsync()
	defer srv.Close()

	heard := make(chan string, 1)
	cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: srv.Reactor()})
	peer.Handle(cli, say, func(_ *peer.Conn, text *string) error { heard <- *text; return nil })
	ctx := context.Background()
	conn, err := cli.Connect(ctx, srv)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = lobbies.Join(ctx, conn, "staff")
	fmt.Println(errors.Is(err, request.ErrRefused), err)
	fmt.Println(lobbies.Join(ctx, conn, "lobby"))
	text := "hello, all"
	room.Send(rooms.Room("lobby"), say, &text)
	fmt.Println(<-heard)
	// Output:
	// true call: not allowed
	// <nil>
	// hello, all
}
