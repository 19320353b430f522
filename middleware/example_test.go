package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/packetmq/packetmq/middleware"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var (
	say  = registry.Define[string]("chat:say", 20)
	kick = registry.Define[string]("chat:kick", 21)
)

// A server logs each packet, lets only admins kick, and survives what its handlers get wrong.
func Example() {
	reg := registry.New()
	reg.MustAdd(say, kick)
	srv := peer.NewServer(reg, nil)
	srv.Use(
		middleware.Log(nil, slog.LevelDebug),
		middleware.Recover(func(in *peer.Incoming, panicked any) error {
			fmt.Println("recovered:", panicked)
			return nil // the conn goes on
		}),
		middleware.Authorise(func(c *peer.Conn, t *registry.Type) error {
			if admin, _ := c.Data().(bool); t.Name() == kick.Name() && !admin {
				fmt.Println("not an admin")
				return peer.ErrDrop
			}
			return nil
		}),
	)
	done := make(chan struct{})
	peer.Handle(srv, kick, func(*peer.Conn, *string) error { return errors.New("never called") })
	peer.Handle(srv, say, func(_ *peer.Conn, text *string) error {
		if *text == "" {
			panic("nothing to say")
		}
		fmt.Println("said:", *text)
		close(done)
		return nil
	})
	srv.RunAsync()
	defer srv.Close()

	cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: srv.Reactor()})
	conn, err := cli.Connect(context.Background(), srv)
	if err != nil {
		fmt.Println(err)
		return
	}
	nobody, empty, hello := "bob", "", "hello"
	peer.Send(conn, kick, &nobody)
	peer.Send(conn, say, &empty)
	peer.Send(conn, say, &hello)
	<-done
	// Output:
	// not an admin
	// recovered: nothing to say
	// said: hello
}
