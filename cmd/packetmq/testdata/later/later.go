// Package later is another version of package chat.
package later

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/registry"
)

// Line has another field.
type Line struct {
	Text  string
	Count string
}

// Order and Receipt are as they were.
type (
	Order   struct{ Item string }
	Receipt struct{ Total int64 }
)

// The definitions.
var (
	Say   = registry.Define[Line]("chat:say", 25)
	Shout = registry.Define[Line]("chat:shout", 26)
	Buy   = call.Define[Order, Receipt]("shop:buy", 30)
)
