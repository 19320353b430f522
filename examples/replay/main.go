// Replay is a server that is captured, so that a fault of it becomes a test.
//
//	go run ./examples/replay bank.pmqcap
//
// A client spends twice at once what is there once, and the balance is below zero. The file has
// all that entered the server's loop. main_test.go does it again with the faulty program and
// with the mended one.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/packetmq/packetmq/capture"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: replay FILE")
	}
	left, err := record(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the balance is", left)
}

// record runs the server and the client, captures what enters the server's loop into the file,
// and returns the balance.
func record(file string) (left int, err error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	rec := capture.New(f, capture.Config{Registry: packets()})
	b := newBank(&peer.Config{Engine: &engine.Config{Tap: rec}}, false)
	l, err := b.srv.Listen("127.0.0.1:0")
	if err == nil {
		err = b.srv.RunAsync()
	}
	if err == nil {
		left, err = spendTwice(l.Addr().String())
	}
	if bad := b.srv.Close(); err == nil {
		err = bad
	}
	if bad := rec.Close(); err == nil {
		err = bad
	}
	return left, err
}

// spendTwice is the client. It returns what is left.
func spendTwice(addr string) (left int, err error) {
	reg := registry.NewAdapting()
	reg.MustAdd(spend)
	reg.MustAdd(spent)
	cli := peer.NewClient(reg, nil)
	defer cli.Close()
	answers := make(chan int, 2)
	peer.Handle(cli, spent, func(_ *peer.Conn, s *Spent) error {
		answers <- s.Left
		return nil
	})
	if err := cli.RunAsync(); err != nil {
		return 0, err
	}
	c, err := cli.Connect(context.Background(), addr)
	if err != nil {
		return 0, err
	}
	both := make(chan error, 1)
	c.Loop().Post(func() { // in one callback, so that both arrive together
		err := peer.Send(c, spend, &Spend{Pin: "1234", Amount: 80})
		if err == nil {
			err = peer.Send(c, spend, &Spend{Pin: "1234", Amount: 80})
		}
		both <- err
	})
	if err := <-both; err != nil {
		return 0, err
	}
	<-answers
	return <-answers, nil
}
