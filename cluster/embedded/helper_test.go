package embedded

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// note is what the tests send.
type note struct {
	N    int
	Text string
}

var (
	noted  = registry.Define[note]("test:note", 40)
	double = call.Define[int, string]("test:double", 42)
)

// testNode is a node with a server for clients, and what its program was told.
type testNode struct {
	*cluster.Node
	server   *Server
	t        testing.TB
	name     string
	srv      *peer.Server
	addr     string // of the server
	sessions *session.Sessions
	begun    chan *session.Session

	mu     sync.Mutex
	up     map[string]int // by node: came minus went
	inside map[string]int // by "room user node": joined minus left
	missed []string
	direct []int // notes that came from other nodes
	wrong  string
}

// start starts a node that knows the others by the first one.
func start(t testing.TB, name string, first *testNode, change func(*cluster.Config)) *testNode {
	t.Helper()
	return startAs(t, name, serverFor(first), change, true)
}

// startLate is start for a server that does not run yet.
func startLate(t testing.TB, name string, first *testNode) *testNode {
	t.Helper()
	return startAs(t, name, serverFor(first), nil, false)
}

// serverFor has the settings of a NATS server that finds the others by the first one.
func serverFor(first *testNode) Config {
	own := Config{Secret: "swordfish"}
	if first != nil {
		own.Routes = []string{first.server.Addr()}
	}
	return own
}

func startAs(t testing.TB, name string, own Config, change func(*cluster.Config), run bool) *testNode {
	t.Helper()
	n := &testNode{t: t, name: name, begun: make(chan *session.Session, 100), up: make(map[string]int), inside: make(map[string]int)}
	reg := registry.New()
	reg.MustAdd(noted)
	reg.MustAdd(double.Packets()...)
	n.srv = peer.NewServer(reg, &peer.Config{Engine: &engine.Config{MaxConns: 30_000}}) // in memory, of which a benchmark has many
	n.sessions = session.Serve(n.srv, &session.Config{OnNew: func(s *session.Session) { n.begun <- s }})
	call.Handle(n.srv, double, func(_ *call.Context, v *int) (*string, error) {
		text := fmt.Sprint(name, " ", 2**v)
		return &text, nil
	})
	peer.Handle(n.srv, noted, func(c *peer.Conn, v *note) error {
		if cluster.NodeOf(c) != "" {
			n.mu.Lock()
			n.direct = append(n.direct, v.N)
			n.mu.Unlock()
		}
		return nil
	})
	t.Cleanup(func() { n.srv.Close() })
	if run {
		if err := n.srv.RunAsync(); err != nil {
			t.Fatal(err)
		}
		ln, err := n.srv.Listen("tcp://127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		n.addr = "tcp://" + ln.Addr().String()
	}
	cfg := cluster.Config{
		Name: name, Lease: time.Second,
		OnUp:     func(node string) { n.count(n.up, node, 1) },
		OnDown:   func(node string, _ error) { n.count(n.up, node, -1) },
		OnMissed: func(user, packet string) { n.mu.Lock(); n.missed = append(n.missed, user+" "+packet); n.mu.Unlock() },
		Joined:   func(room, user, node string) { n.count(n.inside, room+" "+user+" "+node, 1) },
		Left:     func(room, user, node string) { n.count(n.inside, room+" "+user+" "+node, -1) },
	}
	cfg.Travel.Sessions = n.sessions
	if change != nil {
		change(&cfg)
	}
	n.server = New(own)
	if cfg.NATS == nil {
		cfg.Server = n.server
	}
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	node, err := cluster.Join(ctx, n.srv, cfg)
	if err != nil {
		t.Fatal(err)
	}
	n.Node = node
	t.Cleanup(func() { n.Leave() })
	return n
}

// count counts something that comes and goes in turn.
func (n *testNode) count(m map[string]int, what string, d int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if m[what] += d; m[what] < 0 || m[what] > 1 {
		n.wrong = fmt.Sprint(what, " is there ", m[what], " times")
	}
}

// has is what the program at the node believes to be there.
func (n *testNode) has(m map[string]int, what string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return m[what] == 1
}

// nodes starts as many nodes, each of which has conns to all others.
func nodes(t testing.TB, count int) (all []*testNode) {
	t.Helper()
	for i := range count {
		var first *testNode
		if i > 0 {
			first = all[0]
		}
		all = append(all, start(t, fmt.Sprint("n", i), first, nil))
	}
	whole(t, all)
	t.Cleanup(func() {
		for _, n := range all {
			n.mu.Lock()
			if n.wrong != "" {
				t.Errorf("%s: %s", n.name, n.wrong)
			}
			n.mu.Unlock()
		}
	})
	return all
}

// whole waits until each node has conns to all others.
func whole(t testing.TB, all []*testNode) {
	t.Helper()
	await.True(t, "whole cluster", func() bool {
		for _, n := range all {
			if len(n.Nodes()) != len(all)-1 {
				return false
			}
		}
		return true
	})
}

// player is a client with a session, bound to a user.
type player struct {
	*session.Session
	cli  *peer.Client
	at   *session.Session // at the server
	got  chan note
	ends chan error
}

// player connects a client to a node, as a user.
func (n *testNode) player(user string) *player {
	n.t.Helper()
	return n.playerWith(user, nil)
}

// playerWith is player for a client whose session has settings of its own.
func (n *testNode) playerWith(user string, cfg *session.Config) *player {
	n.t.Helper()
	reg := registry.NewAdapting()
	reg.MustAdd(noted)
	reg.MustAdd(double.Packets()...)
	cli := peer.NewClient(reg, nil)
	p := &player{cli: cli, got: make(chan note, 20000), ends: make(chan error, 1)}
	peer.Handle(cli, noted, func(_ *peer.Conn, v *note) error { p.got <- *v; return nil })
	if err := cli.RunAsync(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { cli.Close() })
	s, err := session.Dial(n.t.Context(), cli, n.addr, cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	p.Session = s
	s.OnLost(func(reason error) { p.ends <- reason })
	p.at = await.Value(n.t, "session", n.begun)
	if user != "" {
		if err := n.Bind(p.at, user); err != nil {
			n.t.Fatal(err)
		}
	}
	return p
}

func (p *player) next(t testing.TB) note {
	t.Helper()
	return await.Value(t, "note", p.got)
}
