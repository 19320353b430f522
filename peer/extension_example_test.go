package peer_test

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// visits is a helper as a package beside peer could have it: it counts how often each conn's
// program was seen, keeps the number on the conn, and knows nothing of the program.
type visits struct {
	seen *peer.Slot[*int]
	gone atomic.Int64
}

// watch has v count on a peer. Any number of helpers can watch one.
func (v *visits) watch(p *peer.Peer) (stop func()) {
	v.seen = peer.NewSlot[*int]()
	return p.Observe(peer.Observer{
		Made: func(c *peer.Conn) {
			n := v.seen.GetOrSet(c, func() *int { return new(int) })
			*n++
			c.OnLost(func(error) { v.gone.Add(1) })
		},
	})
}

// A helper that is packaged: it needs no callback of the program, which stays free to set its
// own.
func ExamplePeer_Observe() {
	reg := registry.New()
	var v visits
	heard := make(chan struct{})
	server := peer.NewServer(reg, &peer.Config{Events: peer.Events{
		OnMade: func(c *peer.Conn) { // is called after the helper
			n, _ := v.seen.Get(c)
			fmt.Println("version", c.Remote().Version(), "was seen", *n, "time")
			close(heard)
		},
	}})
	defer server.Close()
	defer v.watch(server.Peer)()
	server.RunAsync()

	client := peer.NewMemoryClient(reg, &peer.Config{Identity: peer.Identity{Version: "1.2"}})
	defer client.Close()
	client.RunAsync()
	conn, err := client.Connect(context.Background(), server)
	if err != nil {
		fmt.Println(err)
		return
	}
	<-heard
	conn.Close()
	// Output:
	// version 1.2 was seen 1 time
}
