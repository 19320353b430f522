package peer_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A server that goes sends its clients to another one.
func ExampleServer_Drain() {
	lost := make(chan error, 1)
	server := peer.NewServer(registry.New(), nil)
	client := peer.NewClient(registry.NewAdapting(), &peer.Config{
		Events: peer.Events{OnLost: func(_ *peer.Conn, reason error) { lost <- reason }},
	})
	defer client.Close()
	ln, err := server.Listen("127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server.RunAsync()
	client.RunAsync()
	if _, err := client.Connect(context.Background(), ln.Addr().String()); err != nil {
		log.Fatal(err)
	}

	if err := server.Drain(context.Background(), peer.Drain{Over: time.Second, To: "tcp://g2:7000", After: 5 * time.Second}); err != nil {
		log.Fatal(err)
	}
	reason := <-lost
	fmt.Println(reason)
	fmt.Println(peer.AdviceOf(reason).To, peer.ComebackAfter(reason))
	// Output:
	// reason.shutdown (come back to tcp://g2:7000 after 5s)
	// tcp://g2:7000 elsewhere
}
