package remote_test

import (
	"context"
	"fmt"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/remote"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Example learns what a server has.
func Example() {
	reg := registry.New()
	registry.MustAdd[string](reg, "chat:say", 20)
	srv := peer.NewServer(reg, nil)
	defer srv.Close()
	if err := srv.RunAsync(); err != nil {
		fmt.Println(err)
		return
	}
	ln, err := srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	told, err := remote.Learn(context.Background(), "tcp://"+ln.Addr().String(), remote.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range told.Packets {
		fmt.Println(p.ID, p.Name)
	}
	// Output: 20 chat:say
}
