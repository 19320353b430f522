// Package p declares what the snippets of changing-packets.md take for granted.
package p

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Wave and Say are packets of the page's program.
type (
	Wave struct{ To string }
	Say  struct{ Text string }
)

var say = registry.Define[Say]("game:say", 17)

var _ *peer.Conn
