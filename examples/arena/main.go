// Arena is a small game: rooms in which players walk, chat and whisper, with bots that do.
//
//	go run ./examples/arena                              300 bots in rooms of 20, until Ctrl-C
//	go run ./examples/arena -bots 500 -rooms 25 -for 20s
//	go run ./examples/arena -bots 0 -listen :7000        a server alone
//	go run ./examples/arena -bots 30 -web :8080          and a page to play with them (after make ts)
//	go run ./examples/arena -node a                      a node of a cluster, and in another terminal
//	go run ./examples/arena -node b -join a              a second one
//
// The bots are in a process of their own, so that the CPU time in the live line is that of the
// server. Everything else is in package game.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/packetmq/packetmq/examples/arena/game"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := game.Run(ctx, os.Args[1:], os.Stdout, nil)
	if errors.Is(err, game.ErrNoCluster) {
		err = runNode(ctx, os.Args[1:])
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}
