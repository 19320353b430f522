package session_test

import (
	"context"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

var say = registry.Define[string]("chat:say", 20)

// A conn is cut between two packets, and the server's program sees both, in order.
func Example() {
	reg := registry.New()
	reg.MustAdd(say)
	srv := peer.NewServer(reg, nil)
	sessions := session.Serve(srv, nil)
	heard := make(chan string)
	peer.Handle(srv, say, func(c *peer.Conn, text *string) error {
		go func() { heard <- *text }()
		return nil
	})
	srv.RunAsync()
	defer srv.Close()

	cli := peer.NewMemoryClient(reg, &peer.Config{
		Reactor: srv.Reactor(), Reconnect: &peer.Backoff{Min: time.Millisecond}, Identity: peer.Identity{Adapt: peer.AdaptAlways},
	})
	s, err := session.DialMemory(context.Background(), cli, srv, nil)
	if err != nil {
		panic(err)
	}
	one, two := "before the cut", "after it"
	session.Send(s, say, &one)
	fmt.Println(<-heard)
	for far := range sessions.All() {
		far.Conn().Abort(nil)
	}
	session.Send(s, say, &two) // whether or not the client has noticed
	fmt.Println(<-heard)
	s.End("")
	// Output:
	// before the cut
	// after it
}
