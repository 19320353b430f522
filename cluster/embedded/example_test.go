package embedded_test

import (
	"context"
	"fmt"
	"log"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/embedded"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var greet = call.Define[string, string]("demo:greet", 40)

// serve starts a server that is a node, and returns where others find it.
func serve(name string, routes []string, up chan string) (*cluster.Node, string) {
	reg := registry.New()
	reg.MustAdd(greet.Packets()...)
	srv := peer.NewServer(reg, nil)
	call.Handle(srv, greet, func(c *call.Context, who *string) (*string, error) {
		text := name + " greets " + *who + " of " + cluster.NodeOf(c.Conn())
		return &text, nil
	})
	if err := srv.RunAsync(); err != nil {
		log.Fatal(err)
	}
	nats := embedded.New(embedded.Config{Routes: routes})
	n, err := cluster.Join(context.Background(), srv, cluster.Config{Name: name, Server: nats, OnUp: func(node string) { up <- node }})
	if err != nil {
		log.Fatal(err)
	}
	return n, nats.Addr()
}

// Two nodes, of which one calls the other.
func Example() {
	eu, addr := serve("eu", nil, make(chan string, 1))
	defer eu.Leave()
	up := make(chan string, 1)
	us, _ := serve("us", []string{addr}, up)
	defer us.Leave()

	who := "Ann"
	answer, err := call.Do(context.Background(), us.Node(<-up), greet, &who)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*answer)
	// Output: eu greets Ann of us
}
