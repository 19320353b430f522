package peer_test

import (
	"context"
	"fmt"
	"log"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type Ping struct {
	N int `msgpack:"n"`
}

type Pong struct {
	N    int    `msgpack:"n"`
	Text string `msgpack:"text"`
}

// The packets of both sides.
var (
	ping = registry.Define[Ping]("app:ping", 17)
	pong = registry.Define[Pong]("app:pong", 18)
	hit  = registry.Define[int]("app:hit", 19)
)

// A server and a client over TCP. Each has a registry of its own; the client
// takes over the server's ids when they meet.
func Example() {
	sreg := registry.New()
	sreg.MustAdd(ping, pong)
	srv := peer.NewServer(sreg, nil)
	peer.Handle(srv, ping, func(c *peer.Conn, v *Ping) error {
		return peer.Reply(c, pong, &Pong{v.N, "hello"})
	})
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	srv.RunAsync()
	defer srv.Close()

	creg := registry.NewAdapting()
	creg.MustAdd(ping, pong)
	cli := peer.NewClient(creg, nil)
	answers := make(chan Pong)
	peer.Handle(cli, pong, func(c *peer.Conn, v *Pong) error {
		answers <- *v
		return nil
	})
	cli.RunAsync()
	defer cli.Close()
	conn, err := cli.Connect(context.Background(), ln.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	peer.Send(conn, ping, &Ping{1})
	fmt.Println(<-answers)
	// Output: {1 hello}
}

// A memory client shares the server's reactor: everything runs on one
// goroutine, and the counter needs no lock.
func ExampleMemoryClient() {
	sreg := registry.New()
	sreg.MustAdd(hit)
	srv := peer.NewServer(sreg, nil)
	total := 0
	done := make(chan struct{})
	peer.Handle(srv, hit, func(c *peer.Conn, n *int) error {
		if total += *n; total == 6 {
			close(done)
		}
		return nil
	})
	srv.RunAsync()
	defer srv.Close()

	creg := registry.NewAdapting()
	creg.MustAdd(hit)
	cli := peer.NewMemoryClient(creg, &peer.Config{Reactor: srv.Reactor()})
	conn, err := cli.Connect(context.Background(), srv)
	if err != nil {
		log.Fatal(err)
	}
	for n := range 4 {
		peer.Send(conn, hit, &n)
	}
	<-done
	fmt.Println(total)
	// Output: 6
}

// A conversation ends with a reason that both sides are told.
func ExampleConn_Softquit() {
	srv := peer.NewMemoryServer(registry.New(), &peer.Config{
		Events: peer.Events{OnMade: func(c *peer.Conn) { c.Softquit("reason.full") }},
	})
	srv.RunAsync()
	defer srv.Close()
	lost := make(chan error)
	cli := peer.NewMemoryClient(registry.NewAdapting(), &peer.Config{
		Events: peer.Events{OnLost: func(c *peer.Conn, reason error) { lost <- reason }},
	})
	cli.RunAsync()
	defer cli.Close()
	cli.ConnectAsync(srv)
	fmt.Println(<-lost)
	// Output: reason.full
}
