package sim

import (
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/memconn"
	"github.com/packetmq/packetmq/peer"
)

// host is a virtual reactor.
type host struct {
	w          *world
	name       int
	v          *engine.Virtual
	r          *engine.Reactor
	loops      int
	soft       int
	maxPending int
	stopped    bool
	cut        []bool // by loop: the last turn was cut short by a stop
	draining   bool
	closed     bool
}

func (w *world) newHost() *host {
	h := &host{w: w, name: len(w.hosts), loops: 1 + w.rng.IntN(3)}
	h.cut = make([]bool, h.loops)
	h.maxPending = pick(w, []int{3 << 10, 16 << 10, 256 << 10, engine.DefaultMaxPending})
	h.soft = h.maxPending / pick(w, []int{1, 2, 8})
	cfg := engine.Config{
		Loops:       h.loops,
		MaxPending:  h.maxPending,
		SoftPending: h.soft,
		SoftTime:    w.time(pick(w, []time.Duration{20 * time.Millisecond, 2 * time.Second})),
		MaxConns:    1000,
		Logger:      w.logger(),
	}
	if w.chance(10) {
		cfg.MaxConns = 2 + w.rng.IntN(6)
	}
	if w.chance(10) {
		cfg.MaxTotalPending = 2 * h.maxPending
	}
	h.v = engine.NewVirtual(&cfg)
	h.r = h.v.Reactor()
	w.trace.add("host %d: %d loops, %d bytes may wait, %d conns", h.name, h.loops, h.maxPending, cfg.MaxConns)
	return h
}

func (h *host) runs() bool { return !h.stopped && !h.closed }

// tells reports whether a conn that the loop ends is lost within the turn. A stop
// leaves what is left of a turn to the first turn after it.
func (h *host) tells(c *peer.Conn) bool { return h.runs() && !h.cut[c.Loop().Index()] }

func (h *host) now() time.Duration { return h.r.Loops()[0].Time() }

// turn has a loop take a turn.
func (h *host) turn(loop int) {
	h.w.trace.add("%d turn of host %d, loop %d", h.w.step, h.name, loop)
	h.v.Step(loop)
	h.w.bubble()
	h.cut[loop] = h.stopped
}

// stop is called on a loop of the host, by whatever runs there.
func (h *host) stop() {
	if h.draining || h.w.calm || !h.runs() {
		return
	}
	h.w.trace.add("  host %d stops", h.name)
	h.stopped = true
	for loop := range h.cut {
		h.cut[loop] = true
	}
	h.r.Stop()
	h.ends(func(e *end) { e.ending = false }) // no OnLost before the host runs on
}

// ends calls f for the ends of conns that are the host's.
func (h *host) ends(f func(*end)) {
	for _, l := range h.w.links {
		for _, e := range l.ends {
			if e.party.host == h {
				f(e)
			}
		}
	}
}

func (h *host) run() {
	h.w.trace.add("%d host %d runs on", h.w.step, h.name)
	if err := h.r.RunAsync(); err != nil {
		h.w.fail("host %d does not run on: %v", h.name, err)
	}
	h.stopped = false
}

// drain begins what a shutdown begins with.
func (h *host) drain() {
	h.w.trace.add("%d host %d drains", h.w.step, h.name)
	h.touch()
	h.draining, h.stopped = true, false // a stopped one runs on for it
	h.v.Drain()
}

func (h *host) close() {
	h.w.trace.add("%d host %d closes", h.w.step, h.name)
	h.touch()
	h.closed = true
	h.v.Close()
	h.w.bubble()
	h.w.trace.add("  host %d is closed", h.name)
}

// touch notes that what belongs to the host may end.
func (h *host) touch() {
	for _, l := range h.w.links {
		if l.ends[0].party.host == h || l.ends[1].party.host == h {
			l.external = true
		}
	}
}

// check compares the buffers that are out with those that can be.
func (h *host) check() {
	bound := int64(0)
	for _, l := range h.w.live {
		for _, e := range l.ends {
			if e.party.host == h {
				bound += e.buffers()
			}
		}
	}
	if n := h.r.Buffers().Out(); n < 0 || n > bound {
		h.w.fail("host %d has %d buffers out, at most %d can be", h.name, n, bound)
	}
}

// buffers is how many buffers of a conn can be out: on their way to the other
// side, in the conn, and in its transport, where each has a byte at least.
func (e *end) buffers() int64 {
	n := int64(memconn.Slots + 1 + 2)
	switch {
	case e.wire != nil:
		n += int64(len(e.wire.out) + e.wire.inner.Buffered())
	case e.foe != nil:
		n += int64(e.foe.inner.Buffered())
	}
	return n
}
