package peer_test

import (
	"context"
	"fmt"
	"log"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A handler asks something slow, elsewhere, for each packet. The packets of one conn are
// worked on one after the other, so a player's second order is not priced before the first.
func ExampleOffloadInOrder() {
	sreg := registry.New()
	sreg.MustAdd(ping, pong)
	srv := peer.NewServer(sreg, nil)
	price := func(n int) (string, error) { return fmt.Sprintf("order %d costs %d", n, 10*n), nil }
	peer.Handle(srv, ping, func(c *peer.Conn, v *Ping) error {
		return peer.OffloadInOrder(c, func() (string, error) {
			return price(v.N) // on a worker goroutine; it may wait
		}, func(text string, err error) {
			if err == nil { // on the loop, like a handler
				peer.Reply(c, pong, &Pong{v.N, text})
			}
		})
	})
	srv.RunAsync()
	defer srv.Close()

	creg := registry.NewAdapting()
	creg.MustAdd(ping, pong)
	cli := peer.NewMemoryClient(creg, nil)
	answers := make(chan string)
	peer.Handle(cli, pong, func(c *peer.Conn, v *Pong) error { answers <- v.Text; return nil })
	cli.RunAsync()
	defer cli.Close()
	conn, err := cli.Connect(context.Background(), srv)
	if err != nil {
		log.Fatal(err)
	}
	for n := range 3 {
		peer.Send(conn, ping, &Ping{n})
	}
	for range 3 {
		fmt.Println(<-answers)
	}
	// Output:
	// order 0 costs 0
	// order 1 costs 10
	// order 2 costs 20
}

// A reader that takes a handful of packets at a time has the rest wait with the sender.
func ExampleConn_PauseRead() {
	sreg := registry.New()
	sreg.MustAdd(hit)
	srv := peer.NewServer(sreg, nil)
	taken := make(chan *peer.Conn)
	n := 0
	peer.Handle(srv, hit, func(c *peer.Conn, v *int) error {
		if n++; n%3 == 0 {
			c.PauseRead() // no packet is handled after this one
			go func() { taken <- c }()
		}
		return nil
	})
	srv.RunAsync()
	defer srv.Close()

	creg := registry.NewAdapting()
	creg.MustAdd(hit)
	cli := peer.NewMemoryClient(creg, nil)
	cli.RunAsync()
	defer cli.Close()
	conn, err := cli.Connect(context.Background(), srv)
	if err != nil {
		log.Fatal(err)
	}
	for n := range 9 {
		peer.Send(conn, hit, &n)
	}
	for range 3 {
		c := <-taken
		fmt.Println("three taken")
		c.ResumeRead()
	}
	// Output:
	// three taken
	// three taken
	// three taken
}
