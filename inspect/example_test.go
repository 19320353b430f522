package inspect_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

var say = registry.Define[string]("chat:say", 20)

// A server with a console, and what that tells of a conn.
func Example() {
	reg := registry.New()
	reg.MustAdd(say)
	srv := peer.NewServer(reg, nil)
	said := make(chan string)
	peer.Handle(srv, say, func(_ *peer.Conn, text *string) error { said <- *text; return nil })
	if err := srv.RunAsync(); err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	console := httptest.NewServer(inspect.Handler(srv, inspect.Config{}))
	defer console.Close()

	cli := peer.NewMemoryClient(reg, &peer.Config{Reactor: srv.Reactor()})
	conn, err := cli.Connect(context.Background(), srv)
	if err != nil {
		log.Fatal(err)
	}
	text := "hello"
	if err := peer.Send(conn, say, &text); err != nil {
		log.Fatal(err)
	}
	<-said

	answer, err := console.Client().Get(console.URL + "?format=json")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(string(b), `"state": "active"`))

	s, err := inspect.New(srv, inspect.Config{}).Snapshot(context.Background(), inspect.Query{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Conns[0].Packets[0].Packet, s.Conns[0].In)
	// Output:
	// true
	// chat:say {1 12}
}
