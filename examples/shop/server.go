package main

// The shop: it answers shop:buy, at once or later, and asks its customers.

import (
	"log"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
)

// prices are what things cost; a customer has 20.
var prices = map[string]int{"tea": 3, "wine": 12, "caviar": 100, "gold": 5}

const credit = 20

// sell has the shop handle its calls.
func sell(shop *peer.Server, lines *log.Logger) {
	call.HandleLater(shop, buy, func(c *call.Context, o *Order, a call.Answer[Receipt]) {
		total, ok := prices[o.Item]
		switch {
		case !ok:
			a.Fail(unknown)
		case total > credit:
			a.Fail(poor.With(Short{total - credit}))
		case o.Item == "wine":
			// On a loop nothing may wait. The function is called here, with the answer.
			call.Go(c.Conn(), ask, &Question{"age"}, time.Minute, func(r *Reply, err error) {
				if err != nil {
					a.Fail(err)
					return
				}
				lines.Printf("shop: may wine be sold? %q", r.Says)
				a.Send(&Receipt{total})
			})
		case o.Item == "gold":
			go fetch(c, lines)
		default:
			a.Send(&Receipt{total})
		}
	})
}

// fetch stands for work that takes too long. It ends when nobody waits for it.
func fetch(c *call.Context, lines *log.Logger) {
	<-c.Done()
	lines.Printf("shop: nobody waits for gold any more")
	c.Conn().Softquit(closed)
}
