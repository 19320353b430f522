package sim

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/internal/simtest"
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
	*simtest.World

	mu    sync.Mutex
	waits []func() // ends of Do, whose goroutines end beside each other. Guarded by mu

	now      call.Call[task, result] // these are of Handle
	reused   call.Call[task, result]
	slow     call.Call[task, result] // of HandleLater
	parties  []*party
	conns    []*peer.Conn
	far      map[*peer.Conn]*peer.Conn // the other end
	broken   map[*peer.Conn]bool       // something has ended them, or may have
	calls    []*made
	byTag    map[uint64]*made
	open     []*opened
	tags     uint64
	ends     map[string]int
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
	w := &world{
		World:  simtest.New(seed, 2),
		now:    call.Define[task, result]("sim:now", 40),
		reused: call.Define[task, result]("sim:reused", 42, registry.Reuse()),
		slow:   call.Define[task, result]("sim:slow", 44),
		byTag:  make(map[uint64]*made), broken: make(map[*peer.Conn]bool),
		far: make(map[*peer.Conn]*peer.Conn), ends: make(map[string]int), sabotage: s,
	}
	w.Woken = w.takeEnds
	return w
}

// takeEnds takes in the ends that the goroutines of Do have found.
func (w *world) takeEnds() {
	w.mu.Lock()
	ends := w.waits
	w.waits = nil
	w.mu.Unlock()
	for _, end := range ends {
		end()
	}
}

// run is one seed.
func run(t *testing.T, seed uint64, s sabotage) *world {
	w := newWorld(seed, s)
	w.Run(t, w.start, w.act, w.finish)
	return w
}

func (w *world) start() {
	for n := range 2 + 2 + w.IntN(3) {
		w.parties = append(w.parties, w.newParty(n, n < 2))
	}
	for range 3 {
		w.connect()
	}
	w.Settle()
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
	cfg := w.Config()
	cfg.Events = peer.Events{OnMade: func(c *peer.Conn) { w.conns = append(w.conns, c) }, OnLost: p.lost}
	if server {
		p.server = peer.NewMemoryServer(reg, cfg)
		p.base = p.server.Peer
	} else {
		p.client = peer.NewMemoryClient(reg, cfg)
		p.base = p.client.Peer
	}
	if w.Chance(50) {
		call.Configure(p.base, &call.Config{UnderWay: 1 + w.IntN(6), Timeout: simtest.Pick(w.World, []time.Duration{0, time.Second})})
	}
	p.handle()
	return p
}

func (p *party) lost(c *peer.Conn, reason error) {
	p.w.broken[c] = true
	p.w.Note("lost %d %v", p.no, reason)
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
	before := len(w.Wires)
	if err := simtest.Pick(w.World, clients).client.ConnectAsync(simtest.Pick(w.World, servers).server); err != nil {
		w.Fail("no conn: %v", err)
	}
	w.Settle() // the transports are made
	if len(w.Wires) != before+2 {
		w.Fail("a conn has %d ends", len(w.Wires)-before)
		return
	}
	a, b := w.Wires[before].Conn, w.Wires[before+1].Conn
	w.far[a], w.far[b] = b, a
}

// act does one thing.
func (w *world) act() {
	switch k := w.IntN(100); {
	case k < 50:
		w.Turn()
	case k < 58:
		w.Advance(simtest.Pick(w.World, []time.Duration{time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond, 4 * time.Second}))
	case k < 78:
		for range 1 + w.IntN(4) {
			w.call()
		}
	case k < 86:
		w.answerOne()
	case k < 91:
		w.cancelOne()
	case k < 96:
		w.Meddle(len(w.Wires))
	case k < 97:
		w.connect()
	case k < 98:
		w.endOne()
	default:
		w.Settle()
	}
}

// someConn is a conn, which has not ended if chance finds one.
func (w *world) someConn() (c *peer.Conn) {
	for range 6 {
		if c = simtest.Pick(w.World, w.conns); c.State() == peer.Active {
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
	w.Note("end %d", c.ID())
	if w.Chance(50) {
		c.Abort(errNone)
	} else {
		c.Softquit("sim.quit")
	}
}

// finish lets everything come to its end, and looks whether it has.
func (w *world) finish() {
	for range 4 {
		w.Heal()
		w.Settle()
		w.Advance(30 * time.Second)
		w.Settle()
	}
	for _, m := range w.calls {
		if m.told != 1 {
			w.Fail("call %d to do %d was told %d ends", m.tag, m.do, m.told)
		}
	}
	for _, o := range w.open {
		if o.c.Err() == nil {
			w.Fail("the context of call %d is not done", o.tag)
		}
	}
	for _, p := range w.parties {
		s := call.StatsOf(p.base)
		if s.Waiting != 0 || s.Open != 0 {
			w.Fail("party %d has %+v", p.no, s)
		}
		if s.Malformed != 0 && w.sabotage == none {
			w.Fail("party %d has seen packets that are no calls: %+v", p.no, s)
		}
		if s.Duplicate != 0 && w.sabotage == none {
			w.Fail("party %d has seen answers twice: %+v", p.no, s)
		}
		if n := s.Answered + s.TimedOut + s.Cancelled + s.Lost; n != s.Made {
			w.Fail("party %d made %d calls and %d have ended: %+v", p.no, s.Made, n, s)
		}
	}
}
