package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/clustertest"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
)

// network carries messages between the nodes of a test, with faults.
type network struct {
	lost, doubled, late float64 // shares of the messages

	change func(n *testNode, cfg *Config) // of each node that starts; nil: nothing

	mu    sync.Mutex
	rnd   *rand.Rand
	plugs []*plug
	cut   map[string]bool // nodes that nothing reaches, and that reach nobody
}

// plug is where a node has its part of the network.
type plug struct {
	net      *network
	node     string
	subjects []string
	came     chan []byte
	done     chan struct{}
	closed   sync.Once
}

func newNetwork(seed uint64) *network {
	return &network{rnd: rand.New(rand.NewPCG(seed, 1)), cut: make(map[string]bool)}
}

func (w *network) setCut(node string, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[node] = cut
}

func (p *plug) publish(subject string, b []byte) error {
	w := p.net
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut[p.node] || w.rnd.Float64() < w.lost {
		return nil
	}
	times := 1
	if w.rnd.Float64() < w.doubled {
		times = 2
	}
	for _, to := range w.plugs {
		for _, s := range to.subjects {
			if s != subject || w.cut[to.node] {
				continue
			}
			for range times {
				to.bring(append([]byte(nil), b...), w.rnd.Float64() < w.late, time.Duration(w.rnd.IntN(20))*time.Millisecond)
			}
		}
	}
	return nil
}

func (p *plug) bring(b []byte, late bool, by time.Duration) {
	bring := func() {
		select {
		case p.came <- b:
		case <-p.done:
		default: // full: lost
		}
	}
	if late {
		time.AfterFunc(by, bring)
		return
	}
	bring()
}

func (p *plug) start(context.Context, string) error { return nil }

func (p *plug) subscribe(_ context.Context, f func(b []byte), subjects ...string) error {
	p.subjects = subjects
	p.net.mu.Lock()
	p.net.plugs = append(p.net.plugs, p)
	p.net.mu.Unlock()
	go func() {
		for {
			select {
			case b := <-p.came:
				f(b)
			case <-p.done:
				return
			}
		}
	}()
	return nil
}

func (p *plug) close() { p.closed.Do(func() { close(p.done) }) }

type note = clustertest.Note

var (
	noted  = clustertest.Noted
	double = clustertest.Double
)

// testNode is a node, and what its program was told.
type testNode struct {
	*Node
	srv  *peer.Server
	addr string
	made chan *peer.Conn // of clients
	home *home           // of its sessions; nil: it has none

	members clustertest.Presence // by "room user node"

	mu     sync.Mutex
	missed int
	gaps   uint64
}

// start starts a node.
func (w *network) start(t *testing.T, name string) *testNode {
	t.Helper()
	n := &testNode{made: make(chan *peer.Conn, 10)}
	n.srv = clustertest.NewServer(t, name, &peer.Config{Events: peer.Events{OnMade: func(c *peer.Conn) {
		if NodeOf(c) == "" && n.home == nil {
			n.made <- c
		}
	}}})
	n.addr = clustertest.Run(t, n.srv)
	cfg := Config{
		Name: name, Lease: 500 * time.Millisecond,
		OnMissed: func(string, string) { n.mu.Lock(); n.missed++; n.mu.Unlock() },
		OnGap:    func(_ string, gaps uint64) { n.mu.Lock(); n.gaps++; n.mu.Unlock() },
		Joined:   func(room, user, node string) { n.members.Came(room + " " + user + " " + node) },
		Left:     func(room, user, node string) { n.members.Went(room + " " + user + " " + node) },
	}
	if w.change != nil {
		w.change(n, &cfg)
	}
	p := &plug{net: w, node: name, came: make(chan []byte, 1<<16), done: make(chan struct{})}
	node, err := newNode(n.srv, cfg, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if n.Node, err = node.join(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Leave() })
	return n
}

// startAll starts nodes that know each other.
func (w *network) startAll(t *testing.T, count int) (all []*testNode) {
	t.Helper()
	leak.Check(t)
	for i := range count {
		all = append(all, w.start(t, fmt.Sprint("n", i)))
	}
	whole(t, all)
	t.Cleanup(func() {
		for _, n := range all {
			n.members.Check(t, n.Name())
		}
	})
	return all
}

func whole(t *testing.T, all []*testNode) { t.Helper(); clustertest.AwaitWhole(t, all) }

// user connects a client to the node that is a user, and returns its conn at the node, and
// what comes to it.
func (n *testNode) user(t *testing.T, user string) (*peer.Conn, chan note) {
	t.Helper()
	cli, got := clustertest.NewClient(t, nil)
	if _, err := cli.Connect(t.Context(), n.addr); err != nil {
		t.Fatal(err)
	}
	c := await.Value(t, "conn", n.made)
	if err := n.Bind(c, user); err != nil {
		t.Fatal(err)
	}
	return c, got
}
