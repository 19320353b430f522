package sim

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/simtest"
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
	*simtest.World

	server   *peer.MemoryServer
	sources  []*source // two rooms of plains, and deeps
	clients  []*client
	n        int // of the value that was set last
	happened map[string]uint64
	sabotage sabotage
}

func newWorld(seed uint64, s sabotage) *world {
	return &world{World: simtest.New(seed, 2), happened: make(map[string]uint64), sabotage: s}
}

// run is one seed.
func run(t *testing.T, seed uint64, s sabotage) *world {
	w := newWorld(seed, s)
	w.Run(t, w.start, w.act, w.finish)
	for what, times := range w.happened {
		w.Note("%s %d", what, times)
	}
	return w
}

func (w *world) start() {
	reg := registry.New()
	reg.MustAdd(append(plains.Packets(), deeps.Packets()...)...)
	w.server = peer.NewMemoryServer(reg, w.Config())
	rooms := room.New(w.server, nil)
	w.sources = []*source{w.newRoom(rooms, 0), w.newRoom(rooms, 1), w.newOpen(2)}
	for n := range 2 + w.IntN(4) {
		w.clients = append(w.clients, w.newClient(n))
	}
}

// settings are those of a state.
func (w *world) settings() *state.Config {
	return &state.Config{Hz: simtest.Pick(w.World, []float64{1, 20, 1000}), Owed: 1 + w.IntN(3), PerTick: simtest.Pick(w.World, []int{1, 40, 200, 0})}
}

// act does one thing.
func (w *world) act() {
	switch k := w.IntN(100); {
	case k < 40:
		w.Turn()
	case k < 55:
		w.Advance(simtest.Pick(w.World, []time.Duration{time.Millisecond, 7 * time.Millisecond, 60 * time.Millisecond, time.Second}))
	case k < 58:
		w.Settle()
	case k < 83:
		for range 1 + w.IntN(6) {
			w.change(simtest.Pick(w.World, w.sources))
		}
	case k < 86:
		w.Meddle(8)
	default:
		simtest.Pick(w.World, w.clients).act()
	}
}

// change sets or deletes a value.
func (w *world) change(s *source) {
	key := uint64(s.no*1000 + w.IntN(simtest.Pick(w.World, []int{3, 20, 200})))
	if w.Chance(75) {
		w.n++
		s.has[key] = w.n
		if w.sabotage == notSet && w.Chance(10) {
			return
		}
		if err := s.set(key, w.n); err != nil {
			w.Fail("set: %v", err)
		}
		return
	}
	_, had := s.has[key]
	delete(s.has, key)
	if w.sabotage == notDeleted && had && w.Chance(50) {
		return
	}
	if s.remove(key) != had && w.sabotage == none {
		w.Fail("the state has another value of key %d than was set", key)
	}
}

// pass lets time go on, a tick of the slowest state at a time, until all of what is under way
// has come.
func (w *world) pass(seconds int) {
	for range seconds * 8 {
		w.Advance(time.Second / 8)
		w.Settle()
	}
}

// finish has everybody there and reading, lets everything come to rest, and compares.
func (w *world) finish() {
	w.Heal()
	w.Settle()
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
		w.Fail("%s", what)
	}
	for _, s := range w.sources {
		st := s.stats()
		w.happened["snapshots"] += st.Snapshots
		w.happened["values"] += st.Values
		w.happened["removals"] += st.Removals
		w.happened["held"] += st.Held
		if st.Keys != len(s.has) && w.sabotage == none {
			w.Fail("a state has %d keys, %d were set", st.Keys, len(s.has))
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
