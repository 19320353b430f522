// Package p declares what the snippets of tracing.md take for granted.
package p

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
)

type (
	Order   struct{ Item string }
	Receipt struct{ Total int }
)

var (
	reserve = call.Define[Order, Receipt]("stock:reserve", 40)
	stock   *peer.Conn
)
