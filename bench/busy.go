package bench

// Work of a server's own, beside which it is to answer its clients.

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

const (
	busyTimers = 100_000 // each of which is due once a second
	busyDepth  = 64      // packets that the memory client has under way
)

// busyWork is what a server has its own loop do beside serving: a posted
// function that posts itself again, many timers, and a memory client that sends
// as fast as it can.
type busyWork struct {
	late atomic.Int64 // the latest that a timer was since the last look, in nanoseconds
}

// startBusyWork begins such work, which goes on for as long as the server runs.
func startBusyWork(ctx context.Context, server *peer.Server) (*busyWork, error) {
	w := new(busyWork)
	flood, err := connectMemory(ctx, server, 1, busyDepth, 64)
	if err != nil {
		return nil, err
	}
	if err := flood.start(); err != nil {
		return nil, err
	}
	l := server.Reactor().Loops()[0]
	var again func()
	again = func() { l.Post(again) }
	again()
	began := l.Time()
	for i := range busyTimers {
		w.repeat(l, began+time.Second+time.Duration(i)*time.Second/busyTimers)
	}
	return w, nil
}

// repeat starts a timer that is due at due, and every second from then on.
func (w *busyWork) repeat(l *engine.Loop, due time.Duration) {
	var fire func()
	fire = func() {
		late := l.Time() - due
		if int64(late) > w.late.Load() {
			w.late.Store(int64(late))
		}
		due += (1 + late/time.Second) * time.Second
		l.After(due-l.Time(), fire)
	}
	l.After(due-l.Time(), fire)
}

// look returns how late a timer was at most since the last look. It is 0 without
// timers.
func (w *busyWork) look() time.Duration {
	if w == nil {
		return 0
	}
	return time.Duration(w.late.Swap(0))
}
