// Package chat is what the server of the tests speaks.
package chat

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/registry"
)

// Line is a line of text.
type Line struct {
	Text  string
	Count int64
	Big   uint64 `msgpack:",omitempty"`
	Data  []byte `msgpack:",omitempty"`
}

// Order is what is bought.
type Order struct{ Item string }

// Receipt answers it.
type Receipt struct{ Total int64 }

// Short is the data of an error.
type Short struct{ Of int }

// The definitions.
var (
	Say  = registry.Define[Line]("chat:say", 20)
	Said = registry.Define[Line]("chat:said", 21, registry.Optional())
	Buy  = call.Define[Order, Receipt]("shop:buy", 30)
	Poor = call.DefineErrorOf[Short]("shop:poor")
)
