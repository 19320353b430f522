package game

// A world for tests: an arena and bots in memory, on a virtual reactor whose time the test
// moves. Nothing in it depends on the machine.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

const testHz = 20

var errCut = errors.New("the cable was pulled")

type world struct {
	t     *testing.T
	v     *engine.Virtual
	arena *arena
	bots  uint64

	walking bool // bots walk by themselves
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, v: engine.NewVirtual(nil)}
	t.Cleanup(w.v.Close)
	w.arena = newArena(arenaConfig{key: key("secret"), hz: testHz, seats: 3}, &peer.Config{Reactor: w.v.Reactor()})
	return w
}

// guest is a bot of a world, and what it was told.
type guest struct {
	*bot
	w       *world
	entries []error // of each time that it was let into its room, or was not
	lines   []string
	lost    error      // why it lost its last conn
	client  *botConfig // of the client, which shows its token
}

// join has a bot come in that stands still: it walks and talks if the test has it.
func (w *world) join(name, room string) *guest {
	return w.joinAs(botConfig{name: name, room: room, token: w.arena.key.token(name)})
}

func (w *world) joinAs(cfg botConfig) *guest {
	w.t.Helper()
	w.bots++
	g := &guest{w: w}
	cfg.seed, cfg.hz, cfg.still = w.bots, testHz, !w.walking
	cfg.entered = func(err error) { g.entries = append(g.entries, err) }
	cfg.heard = func(m *Said) {
		line := m.From + ": " + m.Text
		if m.Private {
			line = "(" + line + ")"
		}
		g.lines = append(g.lines, line)
	}
	g.client = &cfg
	pc := cfg.peerConfig(w.v.Reactor())
	pc.OnLost = func(_ *peer.Conn, reason error) { g.lost = reason }
	cli := peer.NewMemoryClient(withPackets(registry.NewAdapting()), pc)
	g.bot = newBot(cli, cfg)
	if err := cli.ConnectAsync(w.arena, session.Over(g.session)); err != nil {
		w.t.Fatal(err)
	}
	w.pass(100 * time.Millisecond)
	return g
}

// pass lets time pass, in steps that are shorter than anything waits.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	for end := d; end > 0; end -= 5 * time.Millisecond {
		w.settle()
		w.v.Advance(5 * time.Millisecond)
	}
	w.settle()
}

func (w *world) settle() {
	w.t.Helper()
	if !w.v.Settle(100000) {
		w.t.Fatal("the loops do not come to rest")
	}
}

// cut pulls the cable of a bot. It comes back some time later.
func (g *guest) cut() { g.w.arena.players[g.name].session.Conn().Abort(errCut) }

// walk has the bot make one move.
func (g *guest) walk(dx, dy int) {
	g.w.t.Helper()
	if err := peer.Send(g.session.Conn(), move, &Move{dx, dy}); err != nil {
		g.w.t.Fatal(err)
	}
	g.w.settle()
}

func (g *guest) says(text string) {
	g.w.t.Helper()
	if err := g.say(text); err != nil {
		g.w.t.Fatal(err)
	}
	g.w.settle()
}

// wantPlaces compares where a bot sees players, by the places that they have moved to from
// the middle of the room.
func (g *guest) wantPlaces(want ...string) {
	g.w.t.Helper()
	g.w.pass(100 * time.Millisecond)
	got := []string{}
	for id, p := range g.others.All() {
		got = append(got, fmt.Sprintf("%d at %d,%d", id, p.X-width/2, p.Y-height/2))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		g.w.t.Errorf("%s sees %q, want %q", g.name, got, want)
	}
}

// wantLines compares what a bot was told since the last time, all but who came and left.
func (g *guest) wantLines(want ...string) {
	g.w.t.Helper()
	g.w.settle()
	got := slices.DeleteFunc(g.lines, func(l string) bool { return strings.HasPrefix(l, "arena: ") })
	if !slices.Equal(got, want) {
		g.w.t.Errorf("%s was told %q, want %q", g.name, got, want)
	}
	g.lines = nil
}

// ask makes a call of a bot's, and returns what it comes to.
func ask[Q, A any](g *guest, which call.Call[Q, A], q *Q) (answer *A, err error) {
	g.w.t.Helper()
	ended := false
	call.Go(g.session.Conn(), which, q, time.Second, func(a *A, e error) { answer, err, ended = a, e, true })
	if g.w.pass(2 * time.Second); !ended {
		g.w.t.Fatalf("the call %s of %s has not ended", which.Name(), g.name)
	}
	return answer, err
}
