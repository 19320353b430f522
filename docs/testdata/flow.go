// Package p declares what the snippets of flow.md take for granted.
package p

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type Order struct {
	Item string `msgpack:"item"`
}

type Buy struct {
	Item string `msgpack:"item"`
}

type Bought struct {
	Coins int `msgpack:"coins"`
}

var (
	srv    *peer.Server
	order  = registry.Define[Order]("shop:order", 17)
	buy    = registry.Define[Buy]("shop:buy", 18)
	bought = registry.Define[Bought]("shop:bought", 19)
	store  chan *Order
	db     interface {
		Buy(item string) (coins int, err error)
	}
)
