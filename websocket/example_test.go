package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

var greet = registry.Define[string]("example:greet", 17)

// A server at one port for browsers and all others, and a client that comes by WebSocket.
func Example() {
	reg := registry.New()
	reg.MustAdd(greet)
	srv := peer.NewServer(reg, nil)
	defer srv.Close()
	peer.Handle(srv, greet, func(c *peer.Conn, name *string) error {
		answer := "hello " + *name
		return peer.Reply(c, greet, &answer)
	})
	if err := websocket.Enable(srv, nil); err != nil {
		panic(err)
	}
	if err := srv.RunAsync(); err != nil {
		panic(err)
	}
	ln, err := srv.Listen("any://127.0.0.1:0")
	if err != nil {
		panic(err)
	}

	clientReg := registry.NewAdapting()
	clientReg.MustAdd(greet)
	cli := peer.NewClient(clientReg, nil)
	defer cli.Close()
	greeted := make(chan string)
	peer.Handle(cli, greet, func(_ *peer.Conn, text *string) error { greeted <- *text; return nil })
	if err := websocket.Enable(cli, nil); err != nil {
		panic(err)
	}
	if err := cli.RunAsync(); err != nil {
		panic(err)
	}
	c, err := cli.Connect(context.Background(), "ws://"+ln.Addr().String())
	if err != nil {
		panic(err)
	}
	name := "browser"
	if err := peer.Send(c, greet, &name); err != nil {
		panic(err)
	}
	fmt.Println(<-greeted)
	// Output: hello browser
}

// A path of a net/http server, for pages of one origin that have logged in.
func ExampleHandler() {
	srv := peer.NewServer(registry.New(), nil)
	defer srv.Close()
	http.Handle("/game", websocket.Handler(srv, &websocket.Config{
		Origins: []string{"https://example.org"},
		Check: func(r *websocket.Request) error {
			if r.Header.Get("Cookie") == "" {
				return &websocket.UpgradeError{Status: http.StatusUnauthorized, Reason: "log in first"}
			}
			return nil
		},
	}))
	// Output:
}

// A client is told why it was not let in.
func ExampleUpgradeError() {
	srv := peer.NewServer(registry.New(), nil)
	defer srv.Close()
	websocket.Enable(srv, &websocket.Config{Path: "/game"})
	srv.RunAsync()
	ln, err := srv.Listen("ws://127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	cli := peer.NewClient(registry.NewAdapting(), nil)
	defer cli.Close()
	websocket.Enable(cli, nil)
	cli.RunAsync()
	_, err = cli.Connect(context.Background(), "ws://"+ln.Addr().String()+"/other")
	var refused *websocket.UpgradeError
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Reason)
	}
	// Output: 404 Not Found
}
