package sim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// numbered is a packet: the sender counts them, in each session.
type numbered struct{ N int }

var (
	packet = registry.Define[numbered]("sim:packet", 40)
	beside = registry.Define[numbered]("sim:beside", 41) // not of a session

	errHandler = errors.New("sim: the handler has failed")
	errGone    = errors.New("sim: the peer is gone")
)

// world is everything of one run.
type world struct {
	rng      *rand.Rand
	hosts    []*engine.Virtual
	server   *server
	epochs   uint32
	clients  []*client
	wires    []*wire
	sides    map[*session.Session]*side
	order    []*side // as they began
	step     int
	failure  string
	backs    int
	packets  int // that were handled
	reasons  map[string]int
	trace    uint64 // a hash of what has happened
	sabotage sabotage
}

type server struct {
	peer     *peer.MemoryServer
	sessions *session.Sessions
}

type client struct {
	peer *peer.MemoryClient
	s    *side
}

// sabotage is what is wrong with a world, to see that it is noticed.
type sabotage int

const (
	none sabotage = iota
	lost
	doubled
	untold
)

func newWorld(seed uint64, s sabotage) *world {
	return &world{
		rng: rand.New(rand.NewPCG(seed, 1)), sides: make(map[*session.Session]*side),
		reasons: make(map[string]int), sabotage: s,
	}
}

func pick[T any](w *world, from []T) T { return from[w.rng.IntN(len(from))] }

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
	}
}

func (w *world) note(format string, args ...any) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d ", w.step)
	fmt.Fprintf(h, format, args...)
	w.trace += h.Sum64()
}

func reasonName(reason error) string {
	for _, r := range []error{session.ErrExpired, session.ErrUnknown, session.ErrCount, session.ErrSuperseded, peer.ErrClosed} {
		if errors.Is(reason, r) {
			return r.Error()
		}
	}
	var word peer.Reason
	if errors.As(reason, &word) {
		return string(word)
	}
	return "other"
}

func (w *world) run() {
	for range 1 + w.rng.IntN(3) {
		w.hosts = append(w.hosts, engine.NewVirtual(&engine.Config{Loops: 1 + w.rng.IntN(3)}))
	}
	w.startServer()
	for range 1 + w.rng.IntN(3) {
		w.startClient()
	}
	steps := 100 + w.rng.IntN(400)
	for w.step = 0; w.step < steps && w.failure == ""; w.step++ {
		w.act()
		synctest.Wait()
	}
	w.finish()
	for _, v := range w.hosts {
		v.Close()
	}
	synctest.Wait()
}

// startServer starts a server, in place of the one before.
func (w *world) startServer() {
	reg := registry.New()
	reg.MustAdd(packet, beside)
	cfg := w.peerConfig()
	srv := peer.NewMemoryServer(reg, cfg)
	w.handle(srv)
	w.epochs++
	epoch := w.epochs
	sc := w.config()
	sc.Epoch = epoch
	sc.OnNew = func(s *session.Session) {
		w.begin(s, false).epoch = epoch
		w.at(s).send()
	}
	w.server = &server{srv, session.Serve(srv, &sc)}
}

// startClient starts a client with a session.
func (w *world) startClient() {
	reg := registry.NewAdapting()
	reg.MustAdd(packet, beside)
	cfg := w.peerConfig()
	cfg.Reconnect = &peer.Backoff{Min: 1, Max: 1} // so short that chance has no part in it
	cli := peer.NewMemoryClient(reg, cfg)
	w.handle(cli)
	c := &client{peer: cli}
	w.clients = append(w.clients, c)
	w.startSession(c)
}

func (w *world) startSession(c *client) {
	sc := w.config()
	c.s = w.begin(session.New(c.peer, &sc), true)
	if w.chance(50) {
		c.s.send()
	}
	w.connect(c)
}

// connect makes a conn for a client's session, beside the one that it may have.
func (w *world) connect(c *client) {
	if err := c.peer.ConnectAsync(w.server.peer, session.Over(c.s.s)); err != nil {
		w.note("no conn: %v", err)
	}
}

func (w *world) begin(s *session.Session, client bool) *side {
	x := &side{w: w, s: s, client: client}
	w.sides[s] = x
	w.order = append(w.order, x)
	return x
}

func (w *world) peerConfig() *peer.Config {
	cfg := &peer.Config{
		Reactor:  pick(w, w.hosts).Reactor(),
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
		Overflow: registry.Refuse,
	}
	cfg.Wrap = func(_ *peer.Conn, inner engine.Transport) engine.Transport {
		wire := &wire{w: w, inner: inner, cut: -1}
		w.wires = append(w.wires, wire)
		return wire
	}
	return cfg
}

func (w *world) handle(h peer.Host) {
	peer.Handle(h, packet, w.packet)
	peer.Handle(h, beside, func(*peer.Conn, *numbered) error { return nil })
}

// act does one thing.
func (w *world) act() {
	switch k := w.rng.IntN(1000); {
	case k < 500:
		v := pick(w, w.hosts)
		v.Step(w.rng.IntN(len(v.Reactor().Loops())))
	case k < 580:
		w.advance(pick(w, []time.Duration{time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond, 4 * time.Second}))
	case k < 780:
		pick(w, w.order).send()
	case k < 820:
		if c := pick(w, w.order).s.Conn(); c != nil {
			peer.Send(c, beside, &numbered{})
		}
	case k < 930:
		for range 1 + w.rng.IntN(3) {
			if n := len(w.wires); n > 0 {
				w.wires[max(n-1-w.rng.IntN(8), 0)].meddle()
			}
		}
	case k < 945:
		w.connect(pick(w, w.clients))
	case k < 955:
		pick(w, w.order).s.End("sim.over")
	case k < 965:
		w.settle()
	case k < 980:
		if c := pick(w, w.clients); c.s.ends > 0 {
			w.startSession(c)
		}
	case k < 982:
		w.server.peer.Close()
		w.startServer()
	case k < 985:
		pick(w, w.clients).peer.Close()
		w.startClient()
	case k < 987:
		w.advance(3 * time.Minute)
	default:
		if c := pick(w, w.order).s.Conn(); c != nil {
			c.Abort(errGone)
		}
	}
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
		synctest.Wait()
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

// finish lets sessions come back, and looks whether each has what it should have.
func (w *world) finish() {
	for range 20 {
		for _, wire := range w.wires {
			wire.heal()
		}
		w.settle()
		w.advance(500 * time.Millisecond)
		w.settle()
	}
	pairs := make(map[session.ID][2]*side)
	for _, x := range w.order {
		id := x.s.ID()
		p := pairs[id]
		if x.client {
			p[0] = x
		} else {
			p[1] = x
		}
		pairs[id] = p
	}
	for id, p := range pairs {
		a, b := p[0], p[1]
		if id == (session.ID{}) || a == nil || b == nil {
			continue
		}
		if a.ends == 0 && b.ends == 0 && !a.s.Away() && !b.s.Away() {
			n, _ := a.s.Pending()
			m, _ := b.s.Pending()
			if a.got != b.sent || b.got != a.sent || n+m != 0 {
				w.fail("session %v lives: %d of %d and %d of %d packets came, %d and %d wait", id, a.got, b.sent, b.got, a.sent, n, m)
			}
		}
		if a.ends == 0 && a.s.Away() != a.away {
			w.fail("session %v is away: %v, the program was told %v", id, a.s.Away(), a.away)
		}
	}
	for _, c := range w.clients {
		if w.chance(50) {
			c.s.s.End("sim.over")
		} else {
			c.peer.Close()
		}
	}
	w.settle()
	for range 3 {
		w.advance(3 * time.Minute)
		w.settle()
	}
	for _, x := range w.order {
		if x.ends != 1 {
			w.fail("session %v, client %v, was told %d ends", x.s.ID(), x.client, x.ends)
		}
	}
	for id, p := range pairs {
		if id != (session.ID{}) && p[0] != nil && p[1] != nil {
			w.judge(p[0], p[1])
		}
	}
	if n := w.server.sessions.Len(); n != 0 {
		w.fail("the server has %d sessions in the end", n)
	}
	if st := session.StatsOf(w.server.peer); st.Malformed != 0 || st.Sessions != 0 {
		w.fail("the server has counted %+v", st)
	}
}
