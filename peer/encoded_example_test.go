package peer_test

import (
	"context"
	"fmt"
	"log"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A packet for some conns of a server is encoded once.
func ExampleEncode() {
	sreg := registry.New()
	sreg.MustAdd(ping, pong)
	srv := peer.NewServer(sreg, nil)
	var room []*peer.Conn // on the only loop
	peer.Handle(srv, ping, func(c *peer.Conn, v *Ping) error {
		if room = append(room, c); len(room) < 2 {
			return nil
		}
		e, err := peer.Encode(srv, pong, &Pong{len(room), "all here"})
		if err != nil {
			return err
		}
		defer e.Release()
		for _, c := range room {
			if err := e.SendTo(c); err != nil {
				log.Print(c, err)
			}
		}
		return nil
	})
	srv.RunAsync()
	defer srv.Close()

	creg := registry.NewAdapting()
	creg.MustAdd(ping, pong)
	texts := make(chan Pong)
	for range 2 {
		cli := peer.NewMemoryClient(creg, nil)
		peer.Handle(cli, pong, func(c *peer.Conn, v *Pong) error {
			texts <- *v
			return nil
		})
		cli.RunAsync()
		defer cli.Close()
		conn, err := cli.Connect(context.Background(), srv)
		if err != nil {
			log.Fatal(err)
		}
		peer.Send(conn, ping, &Ping{1})
	}
	fmt.Println(<-texts, <-texts)
	// Output: {2 all here} {2 all here}
}
