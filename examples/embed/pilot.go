package main

import (
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// newPilot makes a client on a loop, which answers what it sees of the lander
// with what the engine should do.
func newPilot(loop *engine.Reactor) *peer.MemoryClient {
	reg := registry.NewAdapting()
	reg.MustAdd(moonState, moonBurn)
	c := peer.NewMemoryClient(reg, &peer.Config{Reactor: loop})
	peer.Handle(c, moonState, func(conn *peer.Conn, s *State) error {
		wanted := -0.5 - s.Height/8 // m/s: the lower, the slower
		return peer.Reply(conn, moonBurn, &Burn{Thrust: gravity + 2*(wanted-s.Speed)})
	})
	return c
}
