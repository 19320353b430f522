package cluster

// Hosts of the simulation that are emptied.

import (
	"context"
	"errors"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/internal/simtest"
)

// simDrain is a Drain of a host's node, which waits on a goroutine of its own.
type simDrain struct {
	host   *simHost
	cancel context.CancelFunc
	over   chan struct{}

	// Valid when over is closed.
	drained Drained
	err     error
}

// beginDrain begins to empty the host.
func (h *simHost) beginDrain() {
	if h.drain != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &simDrain{host: h, cancel: cancel, over: make(chan struct{})}
	h.drain = d
	how := Drain{Over: time.Duration(h.w.IntN(500)) * time.Millisecond}
	go func() {
		defer close(d.over)
		d.drained, d.err = h.Drain(ctx, how)
	}()
	synctest.Wait()
}

// bury ends the process if its drain is over. If that has found no other node, it goes on.
func (d *simDrain) bury() {
	select {
	case <-d.over:
	default:
		return
	}
	d.cancel()
	if errors.Is(d.err, ErrNoNode) || errors.Is(d.err, ErrLeft) && d.host.Err() == nil {
		d.host.drain = nil
		return
	}
	d.host.w.count.drained += d.drained.Moved
	d.host.end(false)
}

// stop has the drain give up.
func (d *simDrain) stop() {
	d.cancel()
	synctest.Wait()
}

// drainInPeace empties a host, from which all sessions must go and nothing may be lost.
func (w *simWorld) drainInPeace() {
	if w.Failure != "" || len(w.hosts) < 2 || len(w.players) == 0 || w.Chance(50) {
		return
	}
	h := simtest.Pick(w.World, w.hosts)
	h.beginDrain()
	d := h.drain
	for range 100 {
		w.pass(100 * time.Millisecond)
		w.bury()
		if h.over {
			break
		}
	}
	if !h.over || d.err != nil || d.drained.Left > 0 {
		w.Fail("%s was drained in peace: %v, %+v, %v", h.Name(), h.over, d.drained, d.err)
		return
	}
	w.gather()
}
