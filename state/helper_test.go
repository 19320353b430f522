package state

// What tests of this package follow, and a stage: a server with a room, a State and many
// mirrors in memory, on a virtual reactor whose time the test moves.

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/peertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
)

// thing is what the tests follow.
type thing struct {
	ID uint64
	N  int
}

var things = Define("test:thing", 40, func(v *thing) uint64 { return v.ID })

// named is a value that shares memory with its copies.
type named struct {
	ID   uint64
	Tags []string
}

var tags = Define("test:tags", 41, func(v *named) uint64 { return v.ID })

type (
	side  = peertest.Side
	world = peertest.World
)

func newSide(adapt bool) *side {
	s := peertest.NewSide(adapt, append(things.Packets(), tags.Packets()...)...)
	s.Cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	return s
}

func everywhere(t *testing.T, setUp func(w *world), test func(t *testing.T, w *world)) {
	t.Helper()
	peertest.Everywhere(t, newSide, setUp, test)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}

// stage is a server and its State of things.
type stage struct {
	tb     testing.TB
	v      *engine.Virtual
	reg    *registry.Registry
	server *peer.MemoryServer
	rooms  *room.Rooms
	lobby  room.Room
	st     *State[thing]
}

const testHz = 20

func newStage(tb testing.TB, options ...Option) *stage {
	tb.Helper()
	s := &stage{tb: tb, v: engine.NewVirtual(nil), reg: registry.New()}
	tb.Cleanup(s.v.Close)
	s.reg.MustAdd(append(things.Packets(), tags.Packets()...)...)
	s.server = peer.NewMemoryServer(s.reg, s.config())
	s.rooms = room.New(s.server, nil)
	s.lobby = s.rooms.Room("lobby")
	s.st = New(s.lobby, things, options...)
	return s
}

func (s *stage) config() *peer.Config {
	return &peer.Config{Reactor: s.v.Reactor(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// guest is a client of a stage with its mirror.
type guest struct {
	*Mirror[thing]
	stage    *stage
	client   *peer.MemoryClient
	atServer *peer.Conn
	atClient *peer.Conn
	told     []string // of Set, Deleted and Synced, since the last look
	lost     error    // why the client has lost its conn
}

// enter connects a client that follows things. It is not in the lobby yet.
func (s *stage) enter() *guest {
	s.tb.Helper()
	g := &guest{stage: s}
	cfg := s.config()
	cfg.OnMade = func(c *peer.Conn) { g.atClient = c }
	cfg.OnLost = func(_ *peer.Conn, reason error) { g.lost = reason }
	g.client = peer.NewMemoryClient(s.reg, cfg)
	g.Mirror = NewMirror(g.client, things, &MirrorConfig[thing]{
		Set:     func(_ *peer.Conn, v *thing) { g.tell("%d=%d", v.ID, v.N) },
		Deleted: func(_ *peer.Conn, key uint64, last *thing) { g.tell("-%d (was %d)", key, last.N) },
		Synced:  func(*peer.Conn) { g.tell("synced") },
	})
	g.connect()
	return g
}

func (g *guest) tell(format string, args ...any) {
	g.told = append(g.told, fmt.Sprintf(format, args...))
}

// connect gives the guest a conn, or another one.
func (g *guest) connect() {
	s := g.stage
	s.tb.Helper()
	known := make(map[*peer.Conn]bool)
	for c := range s.server.Conns() {
		known[c] = true
	}
	g.atClient = nil
	if err := g.client.ConnectAsync(s.server); err != nil {
		s.tb.Fatal(err)
	}
	s.settle()
	for c := range s.server.Conns() {
		if !known[c] {
			g.atServer = c
		}
	}
	if g.atServer == nil || g.atClient == nil {
		s.tb.Fatal("not connected")
	}
}

// join connects a client and has it join the lobby.
func (s *stage) join() *guest {
	s.tb.Helper()
	g := s.enter()
	if err := s.lobby.Join(g.atServer); err != nil {
		s.tb.Fatal(err)
	}
	return g
}

func (s *stage) settle() {
	s.tb.Helper()
	if !s.v.Settle(100000) {
		s.tb.Fatal("the loops do not come to rest")
	}
}

// ticks lets n periods pass.
func (s *stage) ticks(n int) {
	s.tb.Helper()
	s.settle()
	for range n * maxPhases {
		s.v.Advance(time.Second / testHz / maxPhases)
		s.settle()
	}
}

func (s *stage) set(id uint64, n int) {
	s.tb.Helper()
	if err := s.st.Set(&thing{id, n}); err != nil {
		s.tb.Fatal(err)
	}
}

// want compares what a mirror has, after two ticks.
func (g *guest) want(want map[uint64]int) {
	g.stage.tb.Helper()
	g.stage.ticks(2)
	got := make(map[uint64]int)
	for key, v := range g.All() {
		got[key] = v.N
	}
	if !maps.Equal(got, want) {
		g.stage.tb.Errorf("the mirror has %v, want %v", got, want)
	}
}

// wantTold compares what the program was told since the last time.
func (g *guest) wantTold(want ...string) {
	g.stage.tb.Helper()
	g.stage.ticks(2)
	if fmt.Sprint(g.told) != fmt.Sprint(want) {
		g.stage.tb.Errorf("the program was told %q, want %q", g.told, want)
	}
	g.told = nil
}
