// Package p declares what the snippet of state.md takes for granted.
package p

import (
	"log"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/state"
)

var (
	reg    *registry.Registry
	srv    *peer.Server
	client *peer.Client
	c      *peer.Conn
	lobby  room.Room
	st     *state.State[Pos]
	move   = registry.Define[Move]("game:move", 20)
	watch  = registry.Define[Watch]("px:watch", 22)
	price  = state.Define("px:price", 61, func(p *Price) uint64 { return p.ID })
)

type Pos struct {
	ID   uint64
	X, Y int
}

type (
	Move  struct{ X, Y int }
	Watch struct{}
	Price struct{ ID uint64 }
)

func near(*peer.Conn, *Pos) bool { return true }
func draw(*Pos)                  {}
func erase(uint64)               {}
