package sim

import (
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/simtest"
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
	errRefused = errors.New("sim: the new process does not take the session")
	errGone    = errors.New("sim: the peer is gone")
)

// world is everything of one run.
type world struct {
	*simtest.World

	server   *server
	move     *move // nil: no sessions are on their way to another server
	epochs   uint32
	clients  []*client
	sides    map[*session.Session]*side
	order    []*side // as they began
	backs    int
	packets  int // that were handled
	moved    int // sessions that another server has taken over
	returned int // that their server has taken back
	reasons  map[string]int
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
		World: simtest.New(seed, 3), sides: make(map[*session.Session]*side),
		reasons: make(map[string]int), sabotage: s,
	}
}

// run is one seed.
func run(t *testing.T, seed uint64, s sabotage) *world {
	w := newWorld(seed, s)
	w.Run(t, w.start, w.act, w.finish)
	return w
}

func (w *world) start() {
	w.startServer()
	for range 1 + w.IntN(3) {
		w.startClient()
	}
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

// startServer starts a server, which clients connect to from now on.
func (w *world) startServer() {
	reg := registry.New()
	reg.MustAdd(packet, beside)
	srv := peer.NewMemoryServer(reg, w.Config())
	w.handle(srv)
	w.epochs++
	sc := w.settings()
	sc.Epoch = w.epochs
	sc.OnNew = func(s *session.Session) {
		w.begin(s, false)
		w.at(s).send()
	}
	w.server = &server{srv, session.Serve(srv, &sc)}
}

// startClient starts a client with a session.
func (w *world) startClient() {
	reg := registry.NewAdapting()
	reg.MustAdd(packet, beside)
	cfg := w.Config()
	cfg.Reconnect = &peer.Backoff{Min: 1, Max: 1} // so short that chance has no part in it
	cli := peer.NewMemoryClient(reg, cfg)
	w.handle(cli)
	c := &client{peer: cli}
	w.clients = append(w.clients, c)
	w.startSession(c)
}

func (w *world) startSession(c *client) {
	sc := w.settings()
	c.s = w.begin(session.New(c.peer, &sc), true)
	if w.Chance(50) {
		c.s.send()
	}
	w.connect(c)
}

// connect makes a conn for a client's session, beside the one that it may have.
func (w *world) connect(c *client) {
	if err := c.peer.ConnectAsync(w.server.peer, session.Over(c.s.s)); err != nil {
		w.Note("no conn: %v", err)
	}
}

func (w *world) begin(s *session.Session, client bool) *side {
	x := &side{w: w, s: s, client: client}
	w.sides[s] = x
	w.order = append(w.order, x)
	return x
}

func (w *world) handle(h peer.Host) {
	peer.Handle(h, packet, w.packet)
	peer.Handle(h, beside, func(*peer.Conn, *numbered) error { return nil })
}

// act does one thing.
func (w *world) act() {
	if w.move != nil && w.Chance(30) {
		w.move.goOn()
		return
	}
	switch k := w.IntN(1000); {
	case k < 500:
		w.Turn()
	case k < 580:
		w.Advance(simtest.Pick(w.World, []time.Duration{time.Millisecond, 10 * time.Millisecond, 300 * time.Millisecond, 4 * time.Second}))
	case k < 780:
		simtest.Pick(w.World, w.order).send()
	case k < 820:
		if c := simtest.Pick(w.World, w.order).s.Conn(); c != nil {
			peer.Send(c, beside, &numbered{})
		}
	case k < 930:
		for range 1 + w.IntN(3) {
			w.Meddle(8)
		}
	case k < 945:
		w.connect(simtest.Pick(w.World, w.clients))
	case k < 955:
		simtest.Pick(w.World, w.order).s.End("sim.over")
	case k < 965:
		w.Settle()
	case k < 980:
		if c := simtest.Pick(w.World, w.clients); c.s.ends > 0 {
			w.startSession(c)
		}
	case k < 982:
		if w.move == nil {
			w.server.peer.Close()
			w.startServer()
		}
	case k < 984:
		if w.move == nil {
			w.startMove()
		}
	case k < 986:
		simtest.Pick(w.World, w.clients).peer.Close()
		w.startClient()
	case k < 988:
		w.Advance(3 * time.Minute)
	default:
		if c := simtest.Pick(w.World, w.order).s.Conn(); c != nil {
			c.Abort(errGone)
		}
	}
}

// finish lets sessions come back, and looks whether each has what it should have.
func (w *world) finish() {
	for w.move != nil {
		w.move.goOn()
		w.Settle()
	}
	for range 20 {
		w.Heal()
		w.Settle()
		w.Advance(500 * time.Millisecond)
		w.Settle()
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
				w.Fail("session %v lives: %d of %d and %d of %d packets came, %d and %d wait", id, a.got, b.sent, b.got, a.sent, n, m)
			}
		}
		if errors.Is(a.reason, session.ErrUnknown) && b.ends == 0 {
			w.Fail("session %v is unknown to the server, which has it", id)
		}
		if a.ends == 0 && a.s.Away() != a.away {
			w.Fail("session %v is away: %v, the program was told %v", id, a.s.Away(), a.away)
		}
	}
	for _, c := range w.clients {
		if w.Chance(50) {
			c.s.s.End("sim.over")
		} else {
			c.peer.Close()
		}
	}
	w.Settle()
	for range 3 {
		w.Advance(3 * time.Minute)
		w.Settle()
	}
	for _, x := range w.order {
		if x.ends != 1 {
			w.Fail("session %v, client %v, was told %d ends", x.s.ID(), x.client, x.ends)
		}
	}
	for id, p := range pairs {
		if id != (session.ID{}) && p[0] != nil && p[1] != nil {
			w.judge(p[0], p[1])
		}
	}
	if n := w.server.sessions.Len(); n != 0 {
		w.Fail("the server has %d sessions in the end", n)
	}
	if st := session.StatsOf(w.server.peer); st.Malformed != 0 || st.Sessions != 0 {
		w.Fail("the server has counted %+v", st)
	}
}
