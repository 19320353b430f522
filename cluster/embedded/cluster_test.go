package embedded

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// knows waits until a node knows where a user is.
func knows(t *testing.T, n *testNode, user, at string) {
	t.Helper()
	await.True(t, fmt.Sprintf("user at %q", at), func() bool { return n.Where(user) == at })
}

func TestUsersAreReached(t *testing.T) {
	all := nodes(t, 3)
	ann := all[0].player("ann")
	for _, n := range all {
		knows(t, n, "ann", "n0")
	}
	const each = 1000
	for i := range each {
		for _, n := range all {
			if err := cluster.Send(n.Node, cluster.User("ann"), noted, &note{N: i, Text: n.name}); err != nil {
				t.Fatal(err)
			}
		}
	}
	next := make(map[string]int)
	for range 3 * each {
		v := ann.next(t)
		if v.N != next[v.Text] {
			t.Fatalf("note %d of %s, want %d", v.N, v.Text, next[v.Text])
		}
		next[v.Text]++
	}
	if err := cluster.Send(all[1].Node, cluster.User("nobody"), noted, &note{}); !errors.Is(err, cluster.ErrNoUser) {
		t.Errorf("a user who is nowhere: %v", err)
	}
	ann.Session.End("reason.bye")
	for _, n := range all {
		knows(t, n, "ann", "")
	}
}

// A packet for a room crosses once to each node with members, and to no other.
func TestRoomsSpanNodes(t *testing.T) {
	all := nodes(t, 3)
	var players []*player
	for i := range 2 {
		for k := range 5 {
			p := all[i].player(fmt.Sprintf("u%d%d", i, k))
			players = append(players, p)
			if err := all[i].Room("guild").Join(p.at); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, n := range all {
		await.True(t, "members", func() bool { return len(n.Presence("guild").Members()) == 10 })
	}
	const packets = 100
	for i := range packets {
		if err := cluster.Send(all[2].Node, all[2].Room("guild"), noted, &note{N: i}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range players {
		for i := range packets {
			if v := p.next(t); v.N != i {
				t.Fatalf("note %d, want %d", v.N, i)
			}
		}
	}
	if n := all[2].Stats().Crossed; n != 2*packets {
		t.Errorf("%d packets crossed to other nodes, want %d", n, 2*packets)
	}
	if err := room.Send(all[0].Room("guild"), noted, &note{N: 7}, room.Except(players[0].at)); err != nil {
		t.Fatal(err)
	}
	for _, p := range players[1:] {
		if v := p.next(t); v.N != 7 {
			t.Fatalf("note %d, want 7", v.N)
		}
	}
	if err := room.Send(cluster.Room{}, noted, &note{}); !errors.Is(err, room.ErrNoRoom) {
		t.Errorf("no room: %v", err)
	}
	if n := all[0].Stats().Crossed; n != 1 {
		t.Errorf("%d packets crossed, want one", n)
	}
	for _, n := range all {
		await.True(t, "presence", func() bool { return n.members.Has("guild u13 n1") })
	}
	all[1].Room("guild").Leave(players[8].at)
	for _, n := range all {
		await.True(t, "end of the presence", func() bool { return !n.members.Has("guild u13 n1") })
	}
}

func TestNodesAreCalled(t *testing.T) {
	all := nodes(t, 2)
	n := 21
	answer, err := call.Do(t.Context(), all[0].Node.Node("n1"), double, &n)
	if err != nil || *answer != "n1 42" {
		t.Fatalf("answered %v, %v", answer, err)
	}
	if c := all[0].Node.Node("none"); c != nil {
		t.Errorf("a node that is none has %v", c)
	}
	for i := range 100 {
		if err := peer.Send(all[0].Node.Node("n1"), noted, &note{N: i}); err != nil {
			t.Fatal(err)
		}
	}
	await.True(t, "notes at the other node", func() bool {
		all[1].mu.Lock()
		defer all[1].mu.Unlock()
		return len(all[1].direct) == 100
	})
	for i, v := range all[1].direct {
		if v != i {
			t.Fatalf("note %d, want %d", v, i)
		}
	}
}

// Services are asked in turn.
func TestServices(t *testing.T) {
	first := start(t, "n0", nil, nil)
	offer := func(c *cluster.Config) { c.Services = []string{"shop"} }
	all := []*testNode{first, start(t, "n1", first, offer), start(t, "n2", first, offer)}
	whole(t, all)
	asked := make(map[string]int)
	for range 10 {
		c := first.Service("shop")
		if c == nil {
			t.Fatal("nobody offers it")
		}
		asked[cluster.NodeOf(c)]++
	}
	if asked["n1"] != 5 || asked["n2"] != 5 {
		t.Errorf("asked %v", asked)
	}
	if c := first.Service("bank"); c != nil {
		t.Errorf("a service that nobody offers is at %v", cluster.NodeOf(c))
	}
}

// Of two logins of a user the later one stays, whatever the nodes.
func TestOnePlaceForAUser(t *testing.T) {
	all := nodes(t, 2)
	for _, at := range []int{0, 1, 1, 0} {
		before := all[at].player("ann")
		knows(t, all[0], "ann", all[at].name)
		knows(t, all[1], "ann", all[at].name)
		there := all[1-at].player("ann")
		if err := await.Value(t, "end of the login before", before.ends); !errors.Is(err, cluster.ReasonElsewhere) {
			t.Fatalf("ended with %v", err)
		}
		knows(t, all[0], "ann", all[1-at].name)
		knows(t, all[1], "ann", all[1-at].name)
		here := all[1-at].player("ann") // again at the same node
		if err := await.Value(t, "end of the login before", there.ends); !errors.Is(err, cluster.ReasonElsewhere) {
			t.Fatalf("ended with %v", err)
		}
		here.Session.End("reason.bye")
		knows(t, all[0], "ann", "")
		knows(t, all[1], "ann", "")
	}
}

// A node that is gone takes its users and members with it, once; it may come back.
func TestNodesComeAndGo(t *testing.T) {
	all := nodes(t, 3)
	p := all[1].player("bob")
	all[1].Room("guild").Join(p.at)
	for _, n := range all {
		await.True(t, "member", func() bool { return n.members.Has("guild bob n1") })
	}
	all[1].Leave()
	rest := []*testNode{all[0], all[2]}
	for _, n := range rest {
		knows(t, n, "bob", "")
		await.True(t, "end of the presence", func() bool { return !n.members.Has("guild bob n1") && !n.up.Has("n1") })
	}
	if _, err := call.Do(t.Context(), all[1].Node.Node("n0"), double, new(int)); err == nil {
		t.Error("a node that has left calls others")
	}
	if err := cluster.Send(all[1].Node, cluster.User("bob"), noted, &note{}); !errors.Is(err, cluster.ErrLeft) {
		t.Errorf("a node that has left sends: %v", err)
	}
	again := start(t, "n1", all[0], nil)
	whole(t, []*testNode{all[0], again, all[2]})
	q := again.player("bob")
	for _, n := range rest {
		knows(t, n, "bob", "n1")
	}
	if err := cluster.Send(all[2].Node, cluster.User("bob"), noted, &note{N: 7}); err != nil {
		t.Fatal(err)
	}
	if v := q.next(t); v.N != 7 {
		t.Errorf("got %+v", v)
	}
}

// A network that is cut for longer than the lease, and comes back.
func TestPartition(t *testing.T) {
	all := nodes(t, 2)
	p := all[1].player("eve")
	all[1].Room("guild").Join(p.at)
	await.True(t, "member", func() bool { return all[0].members.Has("guild eve n1") })
	all[1].server.Conn().Close() // as if the process were paused
	await.True(t, "end of the presence", func() bool { return !all[0].members.Has("guild eve n1") })
	knows(t, all[0], "eve", "")
	if all[0].Node.Node("n1") != nil {
		t.Error("there is a conn to a node that is gone")
	}
}

// A client cannot pass for a node.
func TestClientsAreNoNodes(t *testing.T) {
	n := start(t, "n0", nil, nil)
	p := n.player("mal")
	c := p.at.Conn()
	if cluster.NodeOf(c) != "" {
		t.Fatal("a client's conn is a node's")
	}
	if err := p.Session.Conn().SendExtension(cluster.Feature, []byte{0x91, 0}); err == nil {
		t.Error("the feature is in force with a client that does not have it")
	}
}

func TestConfig(t *testing.T) {
	for what, c := range map[string]Config{
		"all addresses without a secret": {Listen: ":0"},
		"another one":                    {Listen: "10.0.0.1:0"},
	} {
		if _, err := c.options("n"); !errors.Is(err, ErrSecret) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, c := range []Config{{}, {Listen: "127.0.0.1:0"}, {Listen: ":0", Secret: "x"}, {Listen: "localhost:6222"}} {
		if _, err := c.options("n"); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A node's server is its own, and ends with it.
func TestServersAreStartedOnce(t *testing.T) {
	n := start(t, "n0", nil, nil)
	if _, err := n.server.Start(t.Context(), "n1"); !errors.Is(err, ErrStarted) {
		t.Errorf("a server was started twice: %v", err)
	}
	n.Leave()
	if n.server.Addr() != "" || n.server.Conn() != nil || n.server.Routes() != 0 {
		t.Error("a node has left, and its server runs")
	}
	n.server.Stop()
}

// Start gives up when its context is done, and what it has begun is ended: the server can be started
// again.
func TestStartEndsWithItsContext(t *testing.T) {
	leak.Check(t)
	s := New(Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Start(ctx, "n0"); !errors.Is(err, ErrNotReady) || !errors.Is(err, context.Canceled) {
		t.Errorf("Start: %v", err)
	}
	if s.Conn() != nil || s.Addr() != "" {
		t.Error("the server runs")
	}
	if _, err := s.Start(t.Context(), "n0"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
}
