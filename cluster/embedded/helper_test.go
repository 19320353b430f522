package embedded

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/internal/clustertest"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

type note = clustertest.Note

var (
	noted  = clustertest.Noted
	double = clustertest.Double
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

	up      clustertest.Presence // other nodes
	members clustertest.Presence // by "room user node"

	mu     sync.Mutex
	missed []string
	direct []int // notes that came from other nodes
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
	n := &testNode{t: t, name: name, begun: make(chan *session.Session, 100)}
	n.srv = clustertest.NewServer(t, name, &peer.Config{Engine: &engine.Config{MaxConns: 30_000}}) // in memory, of which a benchmark has many
	n.sessions = session.Serve(n.srv, &session.Config{OnNew: func(s *session.Session) { n.begun <- s }})
	peer.Handle(n.srv, noted, func(c *peer.Conn, v *note) error {
		if cluster.NodeOf(c) != "" {
			n.mu.Lock()
			n.direct = append(n.direct, v.N)
			n.mu.Unlock()
		}
		return nil
	})
	if run {
		n.addr = clustertest.Run(t, n.srv)
	}
	cfg := cluster.Config{
		Name: name, Lease: time.Second,
		OnUp:     func(node string) { n.up.Came(node) },
		OnDown:   func(node string, _ error) { n.up.Went(node) },
		OnMissed: func(user, packet string) { n.mu.Lock(); n.missed = append(n.missed, user+" "+packet); n.mu.Unlock() },
		Joined:   func(room, user, node string) { n.members.Came(room + " " + user + " " + node) },
		Left:     func(room, user, node string) { n.members.Went(room + " " + user + " " + node) },
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
			n.up.Check(t, n.name)
			n.members.Check(t, n.name)
		}
	})
	return all
}

// whole waits until each node has conns to all others.
func whole(t testing.TB, all []*testNode) { t.Helper(); clustertest.AwaitWhole(t, all) }

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
	cli, got := clustertest.NewClient(n.t, nil)
	p := &player{cli: cli, got: got, ends: make(chan error, 1)}
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
