package engine

// How GOMAXPROCS is raised beside sleeping loops.

import (
	"log/slog"

	"github.com/packetmq/packetmq/internal/procs"
)

// takeProcs sees to it that the loops do not occupy every P while they sleep, or
// says that they can. See package procs for why that matters.
func (r *Reactor) takeProcs() {
	c := procs.Take(len(r.loops), r.cfg.KeepProcs)
	switch {
	case c.Raised():
		r.log(slog.LevelWarn, "GOMAXPROCS raised, so that sleeping loops do not delay goroutines and timers",
			"loops", c.Loops, "from", c.Before, "to", c.After)
	case c.Short():
		r.log(slog.LevelWarn, "not more GOMAXPROCS than loops: goroutines and timers off the loops may wait 15 ms and more",
			"loops", c.Loops, "GOMAXPROCS", c.After)
	}
}
