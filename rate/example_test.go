package rate_test

import (
	"context"
	"fmt"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/registry"
)

var (
	shout = registry.Define[string]("chat:shout", 20)
	bye   = registry.Define[string]("chat:bye", 21)
)

// Each conn may shout three times at once, and then once every two seconds.
func Example() {
	reg := registry.New()
	reg.MustAdd(shout, bye)
	srv := peer.NewServer(reg, nil)
	shouts := rate.New(rate.Config{Conn: rate.Limit{PerSecond: 0.5, Burst: 3}})
	peer.Handle(srv, shout, func(_ *peer.Conn, text *string) error {
		fmt.Println(*text)
		return nil
	}, peer.With(shouts.Middleware()))
	done := make(chan struct{})
	peer.Handle(srv, bye, func(*peer.Conn, *string) error { close(done); return nil })
	srv.RunAsync()
	defer srv.Close()

	cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: srv.Reactor()})
	conn, err := cli.Connect(context.Background(), srv)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"one", "two", "three", "four", "five"} {
		peer.Send(conn, shout, &text)
	}
	text := ""
	peer.Send(conn, bye, &text)
	<-done
	fmt.Println("too many:", shouts.Stats().Over["chat:shout"].Conn)
	// Output:
	// one
	// two
	// three
	// too many: 2
}
