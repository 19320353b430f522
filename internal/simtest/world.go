package simtest

// World: what happens in one run, and when.

import (
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// World is one run: virtual reactors, the transports between their peers, and the chance that
// decides what happens next. It is for the goroutine of its Run alone.
type World struct {
	*rand.Rand
	Hosts   []*engine.Virtual // once it runs
	Wires   []*Wire           // in the order in which their conns were opened
	Failure string            // the first one, with its step; empty: none

	// Woken is called after each step, when all goroutines of the world wait. Nil: nothing is.
	Woken func()

	loops int
	step  int
	trace uint64
}

// New makes the world of a seed, whose reactors have up to so many loops each.
func New(seed uint64, loops int) *World {
	return &World{Rand: rand.New(rand.NewPCG(seed, 1)), loops: loops}
}

// Run makes one to three reactors, calls start, then act some hundred times, fewer if something
// fails, and then finish. All of it is in a bubble of its own.
func (w *World) Run(t *testing.T, start, act, finish func()) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		for range 1 + w.IntN(3) {
			w.Hosts = append(w.Hosts, engine.NewVirtual(&engine.Config{Loops: 1 + w.IntN(w.loops)}))
		}
		start()
		for steps := 100 + w.IntN(500); w.step < steps && w.Failure == ""; w.step++ {
			act()
			w.Wait()
		}
		finish()
		for _, v := range w.Hosts {
			v.Close()
		}
		w.Wait()
	})
}

// Wait waits until all goroutines of the world wait.
func (w *World) Wait() {
	synctest.Wait()
	if w.Woken != nil {
		w.Woken()
	}
}

// Pick returns one of several values.
func Pick[T any](w *World, from []T) T { return from[w.IntN(len(from))] }

// Chance is true so many times in a hundred.
func (w *World) Chance(percent int) bool { return w.IntN(100) < percent }

// Fail ends the run. The first failure counts.
func (w *World) Fail(format string, args ...any) {
	if w.Failure == "" {
		w.Failure = fmt.Sprintf("step %d: ", w.step) + fmt.Sprintf(format, args...)
	}
}

// Note takes something that has happened into the trace of the run. What happens in one step may
// do so in any order.
func (w *World) Note(format string, args ...any) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d ", w.step)
	fmt.Fprintf(h, format, args...)
	w.trace += h.Sum64()
}

// Trace is a hash of all that was noted.
func (w *World) Trace() uint64 { return w.trace }

// Config has a peer on one of the reactors, with transports that have faults.
func (w *World) Config() *peer.Config {
	cfg := &peer.Config{
		Reactor:  Pick(w, w.Hosts).Reactor(),
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
		Overflow: registry.Refuse,
	}
	cfg.Wrap = func(c *peer.Conn, inner engine.Transport) engine.Transport {
		wire := &Wire{Conn: c, w: w, inner: inner, cut: -1}
		w.Wires = append(w.Wires, wire)
		return wire
	}
	return cfg
}

// Turn has a loop take a turn.
func (w *World) Turn() {
	v := Pick(w, w.Hosts)
	v.Step(w.IntN(len(v.Reactor().Loops())))
}

// Advance has the time of all reactors go on.
func (w *World) Advance(d time.Duration) {
	for _, v := range w.Hosts {
		v.Advance(d)
	}
}

// Settle has all loops take turns until none has anything to do at this time, or for long.
func (w *World) Settle() {
	const turns, rounds = 2000, 20
	for range rounds {
		for _, v := range w.Hosts {
			v.Settle(turns)
		}
		w.Wait()
		if !w.pending() {
			return
		}
	}
}

func (w *World) pending() bool {
	for _, v := range w.Hosts {
		for i := range v.Reactor().Loops() {
			if v.Pending(i) {
				return true
			}
		}
	}
	return false
}

// Heal takes back what slows the transports down. What has ended stays so.
func (w *World) Heal() {
	for _, wire := range w.Wires {
		wire.heal()
	}
}

// Meddle has something go wrong at one of the newest transports, of so many.
func (w *World) Meddle(among int) {
	if n := len(w.Wires); n > 0 {
		w.Wires[max(n-1-w.IntN(among), 0)].meddle()
	}
}
