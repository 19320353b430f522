// Command arena is examples/arena as a node of a cluster. From the root of the repository it is
//
//	go run ./examples/arena -node a
//	go run ./examples/arena -node b -join a
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
	if err := game.Run(ctx, os.Args[1:], os.Stdout, nodes{}); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}
