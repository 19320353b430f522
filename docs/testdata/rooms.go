// Package p declares what the snippet of rooms.md takes for granted.
package p

import (
	"context"
	"errors"
	"log"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/room/request"
)

var (
	srv   *peer.Server
	enter = registry.Define[string]("chat:enter", 20)
	say   = registry.Define[string]("chat:say", 21)
	watch = registry.Define[string]("px:watch", 22)
	quote = registry.Define[Quote]("px:quote", 23)
)

func mayEnter(*peer.Conn, string) bool { return true }

type Quote struct {
	Subject string
	Price   float64
}
