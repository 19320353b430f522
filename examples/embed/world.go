package main

import (
	"math"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

const (
	step      = 0.05 // s that pass in a tick
	gravity   = 1.62 // m/s²
	maxThrust = 5.0  // m/s²
	perThrust = 0.5  // kg/s for each m/s² of thrust
)

// world is a lander above the moon. Its fields belong to the server's loop:
// whoever else wants something of them posts a function there.
type world struct {
	packets
	State
	thrust float64
	server *peer.Server
	timer  *engine.Timer
	down   chan State
}

func (w *world) host(s *peer.Server) error {
	w.server = s
	return peer.Handle(s, w.burn, w.onBurn)
}

func (w *world) start(tick time.Duration) { w.timer = w.server.Reactor().Every(tick, w.tick) }

// tick moves the lander on and tells the pilots. It is called on the loop, by
// the timer.
func (w *world) tick() {
	thrust := min(w.thrust, w.Fuel/(perThrust*step))
	w.Tick++
	w.Fuel -= thrust * perThrust * step
	w.Speed += (thrust - gravity) * step
	w.Height += w.Speed * step
	if w.Height <= 0 {
		w.Height = 0
		w.timer.Stop()
		w.down <- w.State
	}
	// An error is that of a pilot on the way out, who need not know.
	w.server.Broadcast(w.state, &w.State)
}

// onBurn is called on the loop too, with a pilot's packet.
func (w *world) onBurn(_ *peer.Conn, v *Burn) error {
	if !math.IsNaN(v.Thrust) { // a pilot may send anything
		w.thrust = max(0, min(v.Thrust, maxThrust))
	}
	return nil
}
