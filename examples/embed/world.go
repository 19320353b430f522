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
// who else wants something of them posts a function there.
type world struct {
	lander State
	thrust float64
	server *peer.Server
	timer  *engine.Timer
	down   chan State // gets the last state; never full
}

func (w *world) host(s *peer.Server) {
	w.server = s
	peer.Handle(s, moonBurn, w.onBurn)
}

func (w *world) start(tick time.Duration) { w.timer = w.server.Reactor().Every(tick, w.tick) }

// tick moves the lander on and tells the pilots. The timer calls it on the
// loop.
func (w *world) tick() {
	s := &w.lander
	thrust := min(w.thrust, s.Fuel/(perThrust*step))
	s.Tick++
	s.Fuel -= thrust * perThrust * step
	s.Speed += (thrust - gravity) * step
	s.Height += s.Speed * step
	if s.Height <= 0 {
		s.Height = 0
		w.timer.Stop()
		w.down <- *s
	}
	// An error is that of a pilot on the way out, who need not know.
	peer.Broadcast(w.server, moonState, s)
}

// onBurn takes a pilot's packet. It is called on the loop, between two ticks.
func (w *world) onBurn(_ *peer.Conn, v *Burn) error {
	if !math.IsNaN(v.Thrust) { // a pilot may send anything
		w.thrust = max(0, min(v.Thrust, maxThrust))
	}
	return nil
}

// look copies the lander's state. It is for other goroutines than the loop's.
func (w *world) look() (State, error) {
	loop, seen := w.server.Reactor(), make(chan State, 1)
	if err := loop.Post(func() { seen <- w.lander }); err != nil {
		return State{}, err
	}
	select {
	case s := <-seen:
		return s, nil
	case <-loop.Done(): // which drops what was posted last
		return State{}, engine.ErrClosed
	}
}
