// Echo is the smallest useful pair: a server that answers one kind of packet
// with another, and a client that sends three of them, over TCP.
//
//	go run ./examples/echo                          both in one process
//	go run ./examples/echo -serve 127.0.0.1:7000    only the server, until Ctrl-C
//	go run ./examples/echo -connect 127.0.0.1:7000  only the client
//
// Look at say and heard, which both sides share; at serve, whose handler answers with
// Reply; and at talk, which sends from an ordinary goroutine, then from a handler.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"os/signal"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type Say struct{ Text string }

type Heard struct {
	Text string
	N    int // packets the server has heard so far
}

const done = peer.Reason("echo.done")

// The packets. Each side adds them to a registry of its own.
var (
	say   = registry.Define[Say]("echo:say", 16)
	heard = registry.Define[Heard]("echo:heard", 17)
)

func serve(addr string, out *log.Logger) (*peer.Server, string, error) {
	reg := registry.New() // the server insists on its ids
	reg.MustAdd(say, heard)
	s := peer.NewServer(reg, &peer.Config{
		Events: peer.Events{OnLost: func(c *peer.Conn, reason error) { out.Printf("server: conn %d left: %v", c.ID(), reason) }},
	})
	n := 0 // without a lock: handlers run on the server's one loop
	peer.Handle(s, say, func(c *peer.Conn, v *Say) error {
		n++
		out.Printf("server: conn %d says %q", c.ID(), v.Text)
		return peer.Reply(c, heard, &Heard{v.Text, n})
	})
	ln, err := s.Listen(addr)
	if err := errors.Join(err, s.RunAsync()); err != nil {
		return nil, "", errors.Join(err, s.Close())
	}
	out.Printf("server: listening on %v", ln.Addr())
	return s, ln.Addr().String(), nil
}

func talk(ctx context.Context, addr string, out *log.Logger) error {
	reg := registry.NewAdapting() // the client takes over the server's ids
	reg.MustAdd(say, heard)
	lost := make(chan error, 1)
	c := peer.NewClient(reg, &peer.Config{Events: peer.Events{OnLost: func(_ *peer.Conn, reason error) { lost <- reason }}})
	texts := []string{"hello", "is anybody there?", "goodbye"}
	peer.Handle(c, heard, func(conn *peer.Conn, v *Heard) error {
		out.Printf("client: the server heard %q, its number %d", v.Text, v.N)
		if texts = texts[1:]; len(texts) == 0 {
			return done // a handler that returns a reason ends the conn with it, on both sides
		}
		return peer.Reply(conn, say, &Say{texts[0]})
	})
	if err := c.RunAsync(); err != nil {
		return err
	}
	conn, err := c.Connect(ctx, addr)
	if err == nil {
		err = peer.Send(conn, say, &Say{texts[0]})
	}
	if err == nil {
		select {
		case err = <-lost:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err == done {
		err = nil
	}
	return errors.Join(err, c.Shutdown(context.Background()))
}

func run(ctx context.Context, serveAt, connectTo string, w io.Writer) error {
	out := log.New(w, "", 0) // two loops print: a Logger has the lock for that
	if connectTo != "" {
		return talk(ctx, connectTo, out)
	}
	s, at, err := serve(cmp.Or(serveAt, "127.0.0.1:0"), out)
	if err != nil {
		return err
	}
	if serveAt != "" {
		<-ctx.Done()
	} else {
		err = talk(ctx, at, out)
	}
	return errors.Join(err, s.Shutdown(context.Background()))
}

func main() {
	serveAt := flag.String("serve", "", "only serve, at `ADDR`")
	connectTo := flag.String("connect", "", "only connect, to `ADDR`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *serveAt, *connectTo, os.Stdout); err != nil {
		log.Fatal(err)
	}
}
