package call_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Order and Receipt are what the call shop:buy carries.
type (
	Order   struct{ Price int }
	Receipt struct{ Total int }
)

var (
	buy  = call.Define[Order, Receipt]("shop:buy", 40) // shop:buy = 40, shop:buy.answer = 41
	poor = call.DefineError("shop:poor")
)

// shopRegistry is what both sides have in common.
func shopRegistry(reg *registry.Registry) *registry.Registry {
	reg.MustAdd(buy.Packets()...)
	if err := call.AddErrors(reg, poor); err != nil {
		log.Fatal(err)
	}
	return reg
}

// A server handles a call, and a client makes it.
func Example() {
	shop := peer.NewMemoryServer(shopRegistry(registry.New()), nil)
	defer shop.Close()
	call.Handle(shop, buy, func(c *call.Context, o *Order) (*Receipt, error) {
		if o.Price > 10 {
			return nil, poor.WithText("at most 10 can be paid")
		}
		return &Receipt{Total: o.Price}, nil
	})

	customer := peer.NewMemoryClient(shopRegistry(registry.NewAdapting()), nil)
	defer customer.Close()
	if err := errors.Join(shop.RunAsync(), customer.RunAsync()); err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	conn, err := customer.Connect(ctx, shop)
	if err != nil {
		log.Fatal(err)
	}

	r, err := call.Do(ctx, conn, buy, &Order{Price: 3})
	fmt.Println(r.Total, err)
	_, err = call.Do(ctx, conn, buy, &Order{Price: 30})
	fmt.Println(errors.Is(err, poor), err)
	// Output:
	// 3 <nil>
	// true call: shop:poor: at most 10 can be paid
}

// A handler that takes its time answers from another goroutine.
func ExampleHandleLater() {
	shop := peer.NewMemoryServer(shopRegistry(registry.New()), nil)
	defer shop.Close()
	call.HandleLater(shop, buy, func(c *call.Context, o *Order, a call.Answer[Receipt]) {
		go func() {
			select {
			case <-c.Done(): // nobody waits any more
			default:
				a.Send(&Receipt{Total: o.Price})
			}
		}()
	})

	customer := peer.NewMemoryClient(shopRegistry(registry.NewAdapting()), &peer.Config{Reactor: shop.Reactor()})
	if err := shop.RunAsync(); err != nil {
		log.Fatal(err)
	}
	conn, err := customer.Connect(context.Background(), shop)
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan struct{})
	call.Go(conn, buy, &Order{Price: 3}, 0, func(r *Receipt, err error) {
		fmt.Println(r.Total, err)
		close(done)
	})
	<-done
	// Output: 3 <nil>
}
