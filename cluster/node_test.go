package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

func knows(t *testing.T, n *testNode, user, at string) {
	t.Helper()
	await.True(t, fmt.Sprintf("user at %q", at), func() bool { return n.Where(user) == at })
}

// A burst of packets at full speed, over a network that loses, doubles and delays messages:
// each packet arrives, in order, or its sender is told.
func TestBurstLosesNothing(t *testing.T) {
	for name, w := range map[string]*network{
		"peaceful": newNetwork(1),
		"lossy":    {lost: .2, doubled: .1, late: .1, rnd: newNetwork(2).rnd, cut: map[string]bool{}},
	} {
		t.Run(name, func(t *testing.T) {
			all := w.startAll(t, 2)
			_, got := all[0].user(t, "ann")
			knows(t, all[1], "ann", "n0")
			packets := 20_000
			if testing.Short() {
				packets = 10_000
			}
			for i := range packets {
				await.True(t, "room for a packet", func() bool {
					err := Send(all[1].Node, User("ann"), noted, &note{N: i})
					if err != nil && !errors.Is(err, peer.ErrBackpressure) {
						t.Fatal(err)
					}
					return err == nil
				})
			}
			missed := func() int { all[1].mu.Lock(); defer all[1].mu.Unlock(); return all[1].missed }
			await.True(t, "all packets", func() bool { return len(got)+missed() == packets })
			last := -1
			for range len(got) {
				v := <-got
				if v.N <= last {
					t.Fatalf("note %d after note %d", v.N, last)
				}
				last = v.N
			}
			if name == "lossy" {
				s := all[0].Stats()
				if s.Gaps == 0 || all[1].Stats().Resent == 0 {
					t.Errorf("nothing was missing: %+v", s)
				}
				await.True(t, "word of a gap", func() bool { all[0].mu.Lock(); defer all[0].mu.Unlock(); return all[0].gaps > 0 })
			}
		})
	}
}

// A network that is cut and comes back: who is behind the cut is gone for the others within
// the lease, once, and is there again, once.
func TestPartitionHeals(t *testing.T) {
	w := newNetwork(1)
	all := w.startAll(t, 3)
	c, got := all[2].user(t, "bob")
	if err := all[2].Room("guild").Join(c); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for _, n := range all {
			await.True(t, "member", func() bool { return n.members.Has("guild bob n2") })
			knows(t, n, "bob", "n2")
		}
		w.setCut("n2", true)
		for _, n := range all[:2] {
			await.True(t, "end of the presence", func() bool { return !n.members.Has("guild bob n2") })
			knows(t, n, "bob", "")
			if err := Send(n.Node, User("bob"), noted, &note{}); !errors.Is(err, ErrNoUser) {
				t.Errorf("sent behind the cut: %v", err)
			}
		}
		await.True(t, "nodes that are gone", func() bool { return len(all[2].Nodes()) == 0 })
		w.setCut("n2", false)
		whole(t, all)
	}
	knows(t, all[0], "bob", "n2")
	if err := Send(all[0].Node, User("bob"), noted, &note{N: 7}); err != nil {
		t.Fatal(err)
	}
	if v := await.Value(t, "note", got); v.N != 7 {
		t.Errorf("got %+v", v)
	}
}

// A user who logs in on both sides of a cut is at one place when it heals: the later one.
func TestOnePlaceAfterAPartition(t *testing.T) {
	w := newNetwork(1)
	all := w.startAll(t, 2)
	w.setCut("n1", true)
	await.True(t, "cut", func() bool { return len(all[0].Nodes())+len(all[1].Nodes()) == 0 })
	ended := make(chan error, 1)
	first, _ := all[0].user(t, "eve")
	first.OnLost(func(reason error) { ended <- reason })
	at := time.Now().UnixMilli()
	await.True(t, "a later millisecond", func() bool { return time.Now().UnixMilli() > at })
	all[1].user(t, "eve")
	w.setCut("n1", false)
	if err := await.Value(t, "end of the first login", ended); !errors.Is(err, ReasonElsewhere) {
		t.Errorf("ended with %v", err)
	}
	knows(t, all[0], "eve", "n1")
	knows(t, all[1], "eve", "n1")
}

// Of two nodes of the same name the later one stays.
func TestUsurped(t *testing.T) {
	w := newNetwork(1)
	all := w.startAll(t, 2)
	again := w.start(t, "n0")
	await.Value(t, "end of the first one", all[0].Done())
	if err := all[0].Err(); !errors.Is(err, ErrUsurped) {
		t.Errorf("ended with %v", err)
	}
	whole(t, []*testNode{again, all[1]})
}

// Hellos in many names begin a bounded number of conns. A node that is there stays, and one that
// comes meanwhile is taken in beside them.
func TestForgedHellosAreBounded(t *testing.T) {
	w := newNetwork(1)
	all := w.startAll(t, 2)
	attacker := &plug{net: w, node: "attacker"}
	forged := 0
	forge := func(count int) {
		for range count {
			forged++
			h := members.Hello{From: members.ID{Name: fmt.Sprint("x", forged%(5*MaxStrangers)), Epoch: 1}}
			attacker.publish("packetmq.all", appendHello(nil, &h))
		}
	}
	forge(5 * MaxStrangers)
	await.True(t, "hellos that are refused", func() bool { return all[0].Stats().Strangers > 0 && all[1].Stats().Strangers > 0 })
	late := w.start(t, "n2")
	await.True(t, "a node that has come meanwhile", func() bool {
		forge(20) // more than the nodes of the test say hello
		for _, n := range []*testNode{all[0], all[1], late} {
			if s := n.Stats(); s.Streams > MaxStrangers+4 || n != late && len(n.Nodes()) == 0 {
				t.Fatalf("%s has %d streams, and conns to %v", n.Name(), s.Streams, n.Nodes())
			}
		}
		return len(all[0].Nodes()) == 2 && len(all[1].Nodes()) == 2 && len(late.Nodes()) == 2
	})
}

// A node for which there was no room says so to whoever says hello, with what only that one knows: who
// answers so is taken in.
func TestAnswersProveNodes(t *testing.T) {
	n := newNetwork(1).startAll(t, 1)[0]
	for i := range MaxStrangers + 1 {
		n.receive(appendHello(nil, &members.Hello{From: members.ID{Name: fmt.Sprint("x", i), Epoch: 1}}))
	}
	if got := n.Stats().Strangers; got != 1 {
		t.Fatalf("%d were refused", got)
	}
	late := members.Hello{From: members.ID{Name: "late", Epoch: 1}}
	isIn := func() bool { n.mu.Lock(); defer n.mu.Unlock(); _, ok := n.Node.members.Get("late"); return ok }
	n.receive(appendAnswer(nil, n.self.Epoch+1, &late))
	if isIn() {
		t.Error("an answer to another node is taken for a proof")
	}
	n.receive(appendAnswer(nil, n.self.Epoch, &late))
	if !isIn() {
		t.Error("a node that has answered is not taken in")
	}
}

// Packets of a client that pretends to be a node end its conn.
func TestClientsAreNoNodes(t *testing.T) {
	n := newNetwork(1).startAll(t, 1)[0]
	reg := registry.NewAdapting()
	reg.MustAdd(noted)
	reg.MustAdd(double.Packets()...)
	lost := make(chan error, 1)
	cli := peer.NewClient(reg, &peer.Config{Events: peer.Events{OnLost: func(_ *peer.Conn, reason error) { lost <- reason }}})
	if err := cli.Extend(peer.Extension{Feature: Feature}); err != nil {
		t.Fatal(err)
	}
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	c, err := cli.Connect(t.Context(), n.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SendExtension(Feature, appendBare(nil, toldBegin)); err != nil {
		t.Fatal(err)
	}
	if err := await.Value(t, "end", lost); !errors.Is(err, peer.ReasonProtocol) {
		t.Errorf("ended with %v", err)
	}
}

func TestCallsCrossFaults(t *testing.T) {
	w := newNetwork(3)
	w.lost, w.late = .02, .02
	all := w.startAll(t, 2)
	for i := range 200 {
		answer, err := call.Do(t.Context(), all[0].Node.Node("n1"), double, &i)
		if err != nil || *answer != fmt.Sprint("n1 ", 2*i) {
			t.Fatalf("call %d was answered %v, %v", i, answer, err)
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	srv := peer.NewServer(registry.New(), nil)
	t.Cleanup(func() { srv.Close() })
	for what, join := range map[string]func() (*Node, error){
		"no server":  func() (*Node, error) { return newNode(nil, Config{Name: "a"}, time.Now) },
		"no NATS":    func() (*Node, error) { return Join(context.Background(), srv, Config{Name: "a"}) },
		"a dot":      func() (*Node, error) { return newNode(srv, Config{Name: "a.b"}, time.Now) },
		"a wildcard": func() (*Node, error) { return newNode(srv, Config{Name: "*"}, time.Now) },
		"a service":  func() (*Node, error) { return newNode(srv, Config{Name: "a", Services: []string{""}}, time.Now) },
	} {
		if _, err := join(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", what, err)
		}
	}
	n, err := newNode(srv, Config{Logger: slog.New(slog.DiscardHandler)}, time.Now)
	if err != nil || n.Name() == "" {
		t.Errorf("without a name: %v", err)
	}
}

// What is no message is counted and does no harm.
func FuzzReceive(f *testing.F) {
	from := members.ID{Name: "a", Epoch: 7}
	f.Add(appendHello(nil, &members.Hello{From: from, Services: []string{"shop"}}))
	f.Add(appendAnswer(nil, 9, &members.Hello{From: from}))
	e := envelope{from: from, toEpoch: 1, number: 1, begun: true}
	f.Add(e.append(nil))
	f.Add([]byte{0x94, 2, 0xa0, 0xa0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		readTold(b)
		if len(b) == 0 {
			return
		}
		readAnswer(b[1:])
		if h, err := readHello(b[1:]); err == nil && checkName(h.From.Name) != nil {
			t.Error("a hello of no name was read")
		}
		if e, err := readEnvelope(b[1:]); err == nil {
			again, err := readEnvelope(e.append(nil)[1:])
			if err != nil || again.from != e.from || again.number != e.number {
				t.Errorf("%+v became %+v, %v", e, again, err)
			}
		}
	})
}

// Leave, which waits for the loops, says so to a callback instead of waiting for itself.
func TestLeaveOnALoop(t *testing.T) {
	w := newNetwork(1)
	n := w.start(t, "n0")
	said := make(chan error, 1)
	n.srv.Reactor().Post(func() { said <- n.Leave() })
	if err := await.Value(t, "answer", said); err != engine.ErrOnLoop {
		t.Errorf("on a loop: %v", err)
	}
	if err := n.Err(); err != nil {
		t.Errorf("the node has left: %v", err)
	}
}
