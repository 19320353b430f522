package sim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/state"
)

// plain is a value whose copies share nothing, and deep one whose copies do. N is above that of
// all values that were set before.
type plain struct {
	ID uint64
	N  int
}

type deep struct {
	ID uint64
	N  []int
}

var (
	plains = state.Define("sim:plain", 40, func(v *plain) uint64 { return v.ID })
	deeps  = state.Define("sim:deep", 41, func(v *deep) uint64 { return v.ID })

	errCut = errors.New("sim: cut")
)

// sabotage is what is wrong with a world, to see that it is noticed.
type sabotage int

const (
	none sabotage = iota
	notSet
	notDeleted
	notReviewed
)

// world is everything of one run.
type world struct {
	rng      *rand.Rand
	hosts    []*engine.Virtual
	server   *peer.MemoryServer
	sources  []*source // two rooms of plains, and deeps
	clients  []*client
	n        int // of the value that was set last
	step     int
	failure  string
	happened map[string]uint64
	trace    uint64 // a hash of all that has happened
	sabotage sabotage
}

func newWorld(seed uint64, s sabotage) *world {
	return &world{rng: rand.New(rand.NewPCG(seed, 2)), happened: make(map[string]uint64), sabotage: s}
}

func pick[T any](w *world, from []T) T { return from[w.rng.IntN(len(from))] }

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
	}
}

// note takes something that has happened into the hash of the run, whose order within a step
// does not matter.
func (w *world) note(format string, args ...any) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d ", w.step)
	fmt.Fprintf(h, format, args...)
	w.trace += h.Sum64()
}

func (w *world) run() {
	for range 1 + w.rng.IntN(3) {
		w.hosts = append(w.hosts, engine.NewVirtual(&engine.Config{Loops: 1 + w.rng.IntN(2)}))
	}
	reg := registry.New()
	reg.MustAdd(append(plains.Packets(), deeps.Packets()...)...)
	w.server = peer.NewMemoryServer(reg, w.config())
	rooms := room.New(w.server, nil)
	w.sources = []*source{w.newRoom(rooms, 0), w.newRoom(rooms, 1), w.newOpen(2)}
	for n := range 2 + w.rng.IntN(4) {
		w.clients = append(w.clients, w.newClient(n))
	}
	steps := 200 + w.rng.IntN(400)
	for w.step = 0; w.step < steps && w.failure == ""; w.step++ {
		w.act()
	}
	w.finish()
	for _, v := range w.hosts {
		v.Close()
	}
}

func (w *world) config() *peer.Config {
	return &peer.Config{Reactor: pick(w, w.hosts).Reactor(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Overflow: registry.Refuse}
}

// settings are those of a state.
func (w *world) settings() *state.Config {
	return &state.Config{Hz: pick(w, []float64{1, 20, 1000}), Owed: 1 + w.rng.IntN(3), PerTick: pick(w, []int{1, 40, 200, 0})}
}

// act does one thing.
func (w *world) act() {
	switch k := w.rng.IntN(100); {
	case k < 40:
		v := pick(w, w.hosts)
		v.Step(w.rng.IntN(len(v.Reactor().Loops())))
	case k < 55:
		w.advance(pick(w, []time.Duration{time.Millisecond, 7 * time.Millisecond, 60 * time.Millisecond, time.Second}))
	case k < 58:
		w.settle()
	case k < 83:
		for range 1 + w.rng.IntN(6) {
			w.change(pick(w, w.sources))
		}
	default:
		pick(w, w.clients).act()
	}
}

// change sets or deletes a value.
func (w *world) change(s *source) {
	key := uint64(s.no*1000 + w.rng.IntN(pick(w, []int{3, 20, 200})))
	if w.chance(75) {
		w.n++
		s.has[key] = w.n
		if w.sabotage == notSet && w.chance(10) {
			return
		}
		if err := s.set(key, w.n); err != nil {
			w.fail("set: %v", err)
		}
		return
	}
	_, had := s.has[key]
	delete(s.has, key)
	if w.sabotage == notDeleted && had && w.chance(50) {
		return
	}
	if s.remove(key) != had && w.sabotage == none {
		w.fail("the state has another value of key %d than was set", key)
	}
}

func (w *world) advance(d time.Duration) {
	for _, v := range w.hosts {
		v.Advance(d)
	}
}

func (w *world) settle() {
	for range 20 {
		pending := false
		for _, v := range w.hosts {
			v.Settle(2000)
		}
		for _, v := range w.hosts {
			for i := range v.Reactor().Loops() {
				pending = pending || v.Pending(i)
			}
		}
		if !pending {
			return
		}
	}
}

// pass lets time go on, a tick of the slowest state at a time, until all of what is under way
// has come.
func (w *world) pass(seconds int) {
	for range seconds * 8 {
		w.advance(time.Second / 8)
		w.settle()
	}
}

// finish has everybody there and reading, lets everything come to rest, and compares.
func (w *world) finish() {
	w.settle()
	for _, c := range w.clients {
		c.arrive()
	}
	for before, quiet := uint64(0), 0; quiet < 3; { // the smallest ticks have one value each
		w.pass(2)
		if now := w.sent(); now == before {
			quiet++
		} else {
			before, quiet = now, 0
		}
	}
	if what := w.behind(); what != "" {
		w.fail("%s", what)
	}
	for _, s := range w.sources {
		st := s.stats()
		w.happened["snapshots"] += st.Snapshots
		w.happened["values"] += st.Values
		w.happened["removals"] += st.Removals
		w.happened["held"] += st.Held
		if st.Keys != len(s.has) && w.sabotage == none {
			w.fail("a state has %d keys, %d were set", st.Keys, len(s.has))
		}
	}
}

// sent is how much was sent so far.
func (w *world) sent() (n uint64) {
	for _, s := range w.sources {
		st := s.stats()
		n += st.Values + st.Removals + st.Snapshots + st.Ticks
	}
	return n
}

// behind tells what a mirror has that it should not have, or the other way round, or nothing.
func (w *world) behind() string {
	for _, c := range w.clients {
		if what := c.behind(); what != "" {
			return what
		}
	}
	return ""
}
