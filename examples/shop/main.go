// Shop makes calls both ways, with errors and deadlines.
//
//	go run ./examples/shop
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

const closed = peer.Reason("shop.closed")

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run opens a shop, and sends a customer there.
func run(ctx context.Context, out io.Writer) error {
	lines := log.New(out, "", 0)
	reg := registry.New() // the shop insists on its ids
	if err := add(reg); err != nil {
		return err
	}
	shop := peer.NewServer(reg, nil)
	defer shop.Close()
	sell(shop, lines)
	ln, err := shop.Listen("127.0.0.1:0")
	if err := errors.Join(err, shop.RunAsync()); err != nil {
		return err
	}
	return visit(ctx, ln.Addr().String(), lines)
}
