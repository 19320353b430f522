package packetmq_test

import (
	"context"
	"fmt"
	"log"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type Ping struct{ N int }
type Pong struct{ N int }

// The packets of both sides.
var (
	ping = registry.Define[Ping]("app:ping", 17)
	pong = registry.Define[Pong]("app:pong", 18)
)

// A server, and a client that asks it something. They are one program here, and share
// one registry; the client is told to take over the server's ids. Two programs have a
// registry each: registry.New for the server, registry.NewAdapting for the client.
func Example() {
	reg := registry.New()
	reg.MustAdd(ping, pong)

	srv := peer.NewServer(reg, nil)
	defer srv.Close()
	peer.Handle(srv, ping, func(c *peer.Conn, v *Ping) error {
		return peer.Reply(c, pong, &Pong{v.N})
	})
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.RunAsync(); err != nil {
		log.Fatal(err)
	}

	cli := peer.NewClient(reg, nil)
	defer cli.Close()
	answers := make(chan int, 1)
	peer.Handle(cli, pong, func(c *peer.Conn, v *Pong) error {
		answers <- v.N
		return nil
	})
	if err := cli.RunAsync(); err != nil {
		log.Fatal(err)
	}
	conn, err := cli.Connect(context.Background(), ln.Addr().String(), peer.WithAdapt(peer.AdaptAlways))
	if err != nil {
		log.Fatal(err)
	}
	if err := peer.Send(conn, ping, &Ping{1}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("pong", <-answers)
	// Output: pong 1
}
