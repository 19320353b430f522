// Evolve is a server that is a year newer than one of its clients, and loads a module
// while both are connected: the packets of the two sides differ, and they talk.
//
//	go run ./examples/evolve
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run has a server of this year serve a client of last year, and one of this year.
func run(ctx context.Context, out io.Writer) error {
	srv := newServer(out)
	defer srv.Close()
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := srv.RunAsync(); err != nil {
		return err
	}
	lastYear, err := join(ctx, out, "1.0", ln.Addr().String(), gamePackets(false))
	if err != nil {
		return err
	}
	defer lastYear.Close()
	thisYear, err := join(ctx, out, "2.0", ln.Addr().String(), gamePackets(true))
	if err != nil {
		return err
	}
	defer thisYear.Close()
	if err := loadModule(srv, thisYear); err != nil {
		return err
	}
	if err := thisYear.play(ctx); err != nil {
		return err
	}
	return lastYear.play(ctx)
}

// join connects a client of some version to the server.
func join(ctx context.Context, out io.Writer, version, addr string, reg *registry.Registry) (*player, error) {
	p := &player{Client: peer.NewClient(reg, &peer.Config{Identity: peer.Identity{Version: version}}),
		answers: make(chan string, 2)}
	peer.Handle(p, seen, func(_ *peer.Conn, v *Seen) error {
		p.answers <- fmt.Sprintf("client %s: %s", version, v.What)
		return nil
	})
	p.out = out
	if err := p.RunAsync(); err != nil {
		p.Close()
		return nil, err
	}
	if _, err := p.Connect(ctx, addr); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}
