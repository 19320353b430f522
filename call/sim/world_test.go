package sim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// task is what a call asks for, and result what it is answered with.
type task struct {
	Tag uint64 // of the call, unique in the world
	Do  deed
}

type result struct {
	Tag uint64
	By  int // the party that answered
}

// deed is what the handler is to do.
type deed int

const (
	answer  deed = iota // at once
	later               // when the scheduler says so
	twice               // the same, two times
	forget              // never
	fail                // with an error that has a name
	crash               // by a panic
	refuse              // by a middleware, with an error that has a name
	swallow             // by a middleware, without one
	deeds
)

var (
	no      = call.DefineError("sim:no")
	errNone = errors.New("none")
)

// world is everything of one run.
type world struct {
	mu    sync.Mutex
	waits []func() // ends of Do, whose goroutines end beside each other. Guarded by mu

	rng      *rand.Rand
	now      call.Call[task, result] // these are of Handle
	reused   call.Call[task, result]
	slow     call.Call[task, result] // of HandleLater
	hosts    []*engine.Virtual
	parties  []*party
	conns    []*peer.Conn
	wires    []*wire
	far      map[*peer.Conn]*peer.Conn // the other end
	broken   map[*peer.Conn]bool       // something has ended them, or may have
	calls    []*made
	byTag    map[uint64]*made
	open     []*opened
	tags     uint64
	step     int
	failure  string
	ends     map[string]int
	trace    uint64 // a hash of all that has happened
	sabotage sabotage
}

// party is a peer.
type party struct {
	w      *world
	no     int
	base   *peer.Peer
	server *peer.MemoryServer
	client *peer.MemoryClient
}

// sabotage is what is wrong with a world, to see that it is noticed.
type sabotage int

const (
	none sabotage = iota
	wrongAnswer
	toldTwice
	toldNever
)

func newWorld(seed uint64, s sabotage) *world {
	return &world{
		rng:    rand.New(rand.NewPCG(seed, 1)),
		now:    call.Define[task, result]("sim:now", 40),
		reused: call.Define[task, result]("sim:reused", 42, registry.Reuse()),
		slow:   call.Define[task, result]("sim:slow", 44),
		byTag:  make(map[uint64]*made), broken: make(map[*peer.Conn]bool),
		far: make(map[*peer.Conn]*peer.Conn), ends: make(map[string]int), sabotage: s,
	}
}

func pick[T any](w *world, from []T) T { return from[w.rng.IntN(len(from))] }

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
	}
}

// wait lets the goroutines of Do go on, and takes their ends in.
func (w *world) wait() {
	synctest.Wait()
	w.mu.Lock()
	ends := w.waits
	w.waits = nil
	w.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// note takes something that has happened into the hash of the run. What happens in the same
// step may do so in any order.
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
	for n := range 2 + 2 + w.rng.IntN(3) {
		w.parties = append(w.parties, w.newParty(n, n < 2))
	}
	for range 3 {
		w.connect()
	}
	w.settle()
	steps := 200 + w.rng.IntN(400)
	for w.step = 0; w.step < steps && w.failure == ""; w.step++ {
		w.act()
		w.wait()
	}
	w.finish()
	for _, v := range w.hosts {
		v.Close()
	}
	w.wait()
}

func (w *world) newParty(n int, server bool) *party {
	p := &party{w: w, no: n}
	reg := registry.NewAdapting()
	if server {
		reg = registry.New()
	}
	for _, c := range []call.Call[task, result]{w.now, w.reused, w.slow} {
		reg.MustAdd(c.Packets()...)
	}
	cfg := &peer.Config{
		Reactor:  pick(w, w.hosts).Reactor(),
		Wire:     peer.Wire{Wrap: p.wrap},
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
		Overflow: registry.Refuse,
		Events:   peer.Events{OnMade: func(c *peer.Conn) { w.conns = append(w.conns, c) }, OnLost: p.lost},
	}
	if server {
		p.server = peer.NewMemoryServer(reg, cfg)
		p.base = p.server.Peer
	} else {
		p.client = peer.NewMemoryClient(reg, cfg)
		p.base = p.client.Peer
	}
	if w.chance(50) {
		call.Configure(p.base, &call.Config{UnderWay: 1 + w.rng.IntN(6), Timeout: pick(w, []time.Duration{0, time.Second})})
	}
	p.handle()
	return p
}

func (p *party) wrap(c *peer.Conn, inner engine.Transport) engine.Transport {
	wire := &wire{w: p.w, conn: c, inner: inner}
	p.w.wires = append(p.w.wires, wire)
	return wire
}

func (p *party) lost(c *peer.Conn, reason error) {
	p.w.broken[c] = true
	p.w.note("lost %d %v", p.no, reason)
}

func (w *world) connect() {
	var clients, servers []*party
	for _, p := range w.parties {
		if p.client != nil {
			clients = append(clients, p)
		} else {
			servers = append(servers, p)
		}
	}
	before := len(w.wires)
	if err := pick(w, clients).client.ConnectAsync(pick(w, servers).server); err != nil {
		w.fail("no conn: %v", err)
	}
	w.settle() // the transports are made
	if len(w.wires) != before+2 {
		w.fail("a conn has %d ends", len(w.wires)-before)
		return
	}
	a, b := w.wires[before].conn, w.wires[before+1].conn
	w.far[a], w.far[b] = b, a
}

// act does one thing.
func (w *world) act() {
	switch k := w.rng.IntN(100); {
	case k < 50:
		w.turn()
	case k < 58:
		w.advance(pick(w, []time.Duration{time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond, 4 * time.Second}))
	case k < 78:
		for range 1 + w.rng.IntN(4) {
			w.call()
		}
	case k < 86:
		w.answerOne()
	case k < 91:
		w.cancelOne()
	case k < 96:
		if len(w.wires) > 0 {
			pick(w, w.wires).meddle()
		}
	case k < 97:
		w.connect()
	case k < 98:
		w.endOne()
	default:
		w.settle()
	}
}

// turn has a loop take a turn.
func (w *world) turn() {
	v := pick(w, w.hosts)
	v.Step(w.rng.IntN(len(v.Reactor().Loops())))
}

func (w *world) advance(d time.Duration) {
	for _, v := range w.hosts {
		v.Advance(d)
	}
}

func (w *world) settle() {
	for range 20 {
		for _, v := range w.hosts {
			v.Settle(2000)
		}
		w.wait()
		if !w.pending() {
			return
		}
	}
}

func (w *world) pending() bool {
	for _, v := range w.hosts {
		for i := range v.Reactor().Loops() {
			if v.Pending(i) {
				return true
			}
		}
	}
	return false
}

// someConn is a conn, which has not ended if chance finds one.
func (w *world) someConn() (c *peer.Conn) {
	for range 6 {
		if c = pick(w, w.conns); c.State() == peer.Active {
			break
		}
	}
	return c
}

// endOne ends a conn.
func (w *world) endOne() {
	if len(w.conns) == 0 {
		return
	}
	c := w.someConn()
	w.note("end %d", c.ID())
	if w.chance(50) {
		c.Abort(errNone)
	} else {
		c.Softquit("sim.quit")
	}
}

// finish lets everything come to its end, and looks whether it has.
func (w *world) finish() {
	for range 4 {
		for _, wire := range w.wires {
			wire.heal()
		}
		w.settle()
		w.advance(30 * time.Second)
		w.settle()
	}
	for _, m := range w.calls {
		if m.told != 1 {
			w.fail("call %d to do %d was told %d ends", m.tag, m.do, m.told)
		}
	}
	for _, o := range w.open {
		if o.c.Err() == nil {
			w.fail("the context of call %d is not done", o.tag)
		}
	}
	for _, p := range w.parties {
		s := call.StatsOf(p.base)
		if s.Waiting != 0 || s.Open != 0 {
			w.fail("party %d has %+v", p.no, s)
		}
		if s.Malformed != 0 && w.sabotage == none {
			w.fail("party %d has seen packets that are no calls: %+v", p.no, s)
		}
		if s.Duplicate != 0 && w.sabotage == none {
			w.fail("party %d has seen answers twice: %+v", p.no, s)
		}
		if n := s.Answered + s.TimedOut + s.Cancelled + s.Lost; n != s.Made {
			w.fail("party %d made %d calls and %d have ended: %+v", p.no, s.Made, n, s)
		}
	}
}
