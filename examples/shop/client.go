package main

// The customer: it buys from an ordinary goroutine, and answers what it is asked.

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// visit buys some things, until the shop closes.
func visit(ctx context.Context, addr string, lines *log.Logger) error {
	reg := registry.NewAdapting() // the customer takes over the shop's ids
	if err := add(reg); err != nil {
		return err
	}
	lost := make(chan error, 1)
	customer := peer.NewClient(reg, &peer.Config{
		Events: peer.Events{OnLost: func(_ *peer.Conn, reason error) { lost <- reason }},
	})
	defer customer.Close()
	call.Handle(customer, ask, func(*call.Context, *Question) (*Reply, error) {
		return &Reply{"born in 1990"}, nil
	})
	if err := customer.RunAsync(); err != nil {
		return err
	}
	conn, err := customer.Connect(ctx, addr)
	if err != nil {
		return err
	}
	for _, item := range []string{"tea", "caviar", "wine", "gold"} {
		lines.Printf("customer: %s", order(ctx, conn, item))
	}
	lines.Printf("customer: the shop closes: %v", <-lost)
	return nil
}

// order buys one thing, and says what came of it.
func order(ctx context.Context, conn *peer.Conn, item string) string {
	ctx, cancel := context.WithTimeout(ctx, timeFor(item))
	defer cancel()
	r, err := call.Do(ctx, conn, buy, &Order{item})
	if err == nil {
		return fmt.Sprintf("%s costs %d", item, r.Total)
	}
	if short, ok := poor.Data(err); ok {
		return fmt.Sprintf("%s: %d more are needed", item, short.Of)
	}
	switch {
	case errors.Is(err, unknown):
		return item + " is not sold here"
	case errors.Is(err, context.DeadlineExceeded):
		return item + ": no answer in time"
	}
	return item + ": " + err.Error()
}

// timeFor is how long a thing is waited for: gold never comes.
func timeFor(item string) time.Duration {
	if item == "gold" {
		return 50 * time.Millisecond
	}
	return time.Minute
}
