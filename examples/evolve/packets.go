package main

// The packets, those of last year and what came since.

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Move is game:move, from a client. Every version has it.
type Move struct {
	X, Y int
}

// Wave is game:wave, from a client. It came this year.
type Wave struct {
	To string
}

// Seen is game:seen, what the server tells of either.
type Seen struct {
	What string
}

// Quest is quest:begin, of a module that is loaded at run time.
type Quest struct {
	Name string
}

var (
	move = registry.Define[Move]("game:move", 16)
	seen = registry.Define[Seen]("game:seen", 17)
	// A client of last year lacks it, so it may be missing.
	wave  = registry.Define[Wave]("game:wave", 18, registry.Optional())
	quest = registry.Define[Quest]("quest:begin", 30, registry.Optional())
)

// gamePackets are those of a client of last year, or of this year.
func gamePackets(thisYear bool) *registry.Registry {
	reg := registry.NewAdapting()
	reg.MustAdd(move, seen)
	if thisYear {
		reg.MustAdd(wave)
	}
	return reg
}

// loadModule adds a packet on both sides while they are connected. Each tells the other.
func loadModule(srv *peer.Server, p *player) error {
	if err := srv.Registry().Add(quest); err != nil {
		return err
	}
	peer.Handle(srv, quest, func(c *peer.Conn, q *Quest) error {
		return peer.Reply(c, seen, &Seen{What: "begins " + q.Name})
	})
	return p.Registry().Add(quest)
}
