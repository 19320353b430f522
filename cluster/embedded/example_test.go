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

// serve starts a server that is a node.
func serve(name string, routes []string, up chan string) (*cluster.Node, *embedded.Server) {
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
	cfg := cluster.Config{Name: name, OnUp: func(node string) { up <- node }}
	n, server, err := embedded.Join(context.Background(), srv, cfg, embedded.Config{Routes: routes})
	if err != nil {
		log.Fatal(err)
	}
	return n, server
}

// Two nodes, of which one calls the other.
func Example() {
	eu, first := serve("eu", nil, make(chan string, 1))
	defer first.Stop()
	defer eu.Leave()
	up := make(chan string, 1)
	us, second := serve("us", []string{first.Addr()}, up)
	defer second.Stop()
	defer us.Leave()

	who := "Ann"
	answer, err := call.Do(context.Background(), us.Node(<-up), greet, &who)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*answer)
	// Output: eu greets Ann of us
}
