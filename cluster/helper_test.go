package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
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

type note struct {
	N    int
	From string
}

var (
	noted  = registry.Define[note]("test:note", 40)
	double = call.Define[int, int]("test:double", 42)
)

// testNode is a node, and what its program was told.
type testNode struct {
	*Node
	srv  *peer.Server
	addr string
	made chan *peer.Conn // of clients
	home *home           // of its sessions; nil: it has none

	mu     sync.Mutex
	inside map[string]int
	missed int
	wrong  string
	gaps   uint64
}

// start starts a node.
func (w *network) start(t *testing.T, name string) *testNode {
	t.Helper()
	n := &testNode{made: make(chan *peer.Conn, 10), inside: make(map[string]int)}
	reg := registry.New()
	reg.MustAdd(noted)
	reg.MustAdd(double.Packets()...)
	n.srv = peer.NewServer(reg, &peer.Config{Events: peer.Events{OnMade: func(c *peer.Conn) {
		if NodeOf(c) == "" && n.home == nil {
			n.made <- c
		}
	}}})
	call.Handle(n.srv, double, func(_ *call.Context, v *int) (*int, error) { twice := 2 * *v; return &twice, nil })
	if err := n.srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.srv.Close() })
	ln, err := n.srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.addr = ln.Addr().String()
	cfg := Config{
		Name: name, Lease: 500 * time.Millisecond,
		OnMissed: func(string, string) { n.mu.Lock(); n.missed++; n.mu.Unlock() },
		OnGap:    func(_ string, gaps uint64) { n.mu.Lock(); n.gaps++; n.mu.Unlock() },
		Joined:   func(room, user, node string) { n.count(room+" "+user+" "+node, 1) },
		Left:     func(room, user, node string) { n.count(room+" "+user+" "+node, -1) },
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

func (n *testNode) count(what string, d int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.inside[what] += d; n.inside[what] < 0 || n.inside[what] > 1 {
		n.wrong = fmt.Sprint(what, " is there ", n.inside[what], " times")
	}
}

func (n *testNode) has(what string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.inside[what] == 1
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
			n.mu.Lock()
			if n.wrong != "" {
				t.Error(n.Name(), n.wrong)
			}
			n.mu.Unlock()
		}
	})
	return all
}

func whole(t *testing.T, all []*testNode) {
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

// user connects a client to the node that is a user, and returns its conn at the node, and
// what comes to it.
func (n *testNode) user(t *testing.T, user string) (*peer.Conn, chan note) {
	t.Helper()
	reg := registry.NewAdapting()
	reg.MustAdd(noted)
	reg.MustAdd(double.Packets()...)
	cli := peer.NewClient(reg, nil)
	got := make(chan note, 100_000)
	peer.Handle(cli, noted, func(_ *peer.Conn, v *note) error { got <- *v; return nil })
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	if _, err := cli.Connect(t.Context(), n.addr); err != nil {
		t.Fatal(err)
	}
	c := await.Value(t, "conn", n.made)
	if err := n.Bind(c, user); err != nil {
		t.Fatal(err)
	}
	return c, got
}
