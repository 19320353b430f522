// Package p declares what the snippets of flow.md take for granted.
package p

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

type Order struct {
	Item string `msgpack:"item"`
}

var (
	srv   *peer.Server
	order = registry.Define[Order]("shop:order", 17)
	store chan *Order
)
