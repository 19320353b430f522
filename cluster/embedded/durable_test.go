package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/internal/clustertest"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
)

// dropped are durable packets that a program was told of.
type dropped struct {
	mu   sync.Mutex
	list []string
}

func (d *dropped) add(of cluster.Delivery, reason error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, fmt.Sprint(of.User, " ", of.Room, " ", of.ID, " ", errors.Is(reason, cluster.ErrAged)))
}

func (d *dropped) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.list...)
}

// store starts a server with a store, to which nodes connect.
func store(t testing.TB) *Server {
	t.Helper()
	return startServer(t, "store", Config{StoreDir: t.TempDir()})
}

// durableNode starts a node over a server's connection, whose program has packets kept.
func durableNode(t testing.TB, name string, s *Server, keep cluster.Durability) *testNode {
	t.Helper()
	n := start(t, name, nil, func(cfg *cluster.Config) {
		cfg.NATS, cfg.Durability = s.Conn(), &keep
	})
	ready(t, n)
	return n
}

func ready(t testing.TB, n *testNode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	if err := n.DurableReady(ctx); err != nil {
		t.Fatal(err)
	}
}

// twoNodes are nodes that know each other, over one store.
func twoNodes(t testing.TB, keep cluster.Durability) (a, b *testNode, s *Server) {
	t.Helper()
	s = store(t)
	a, b = durableNode(t, "a", s, keep), durableNode(t, "b", s, keep)
	whole(t, []*testNode{a, b})
	return a, b, s
}

func sendDurable(t testing.TB, n *testNode, to cluster.DurableTarget, number int) {
	t.Helper()
	if err := cluster.SendDurable(t.Context(), n.Node, to, noted, &note{N: number}); err != nil {
		t.Fatal(err)
	}
}

func wantNotes(t testing.TB, p *player, first, last int) {
	t.Helper()
	for want := first; want <= last; want++ {
		if got := p.next(t); got.N != want {
			t.Fatalf("got note %d, want %d", got.N, want)
		}
	}
}

// js is JetStream over a node's connection.
func js(t testing.TB, s *Server) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.Conn())
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// conn connects a client without a session, and returns its conn at the node, and what comes.
func (n *testNode) conn(t testing.TB) (*peer.Conn, chan note) {
	t.Helper()
	cli, got := clustertest.NewClient(t, nil)
	if _, err := cli.Connect(t.Context(), n.addr); err != nil {
		t.Fatal(err)
	}
	var at *peer.Conn
	await.True(t, "conn at the node", func() bool {
		for c := range n.srv.Conns() {
			if cluster.NodeOf(c) == "" {
				at = c
			}
		}
		return at != nil && at.State() == peer.Active
	})
	return at, got
}

// empty waits until nothing waits for anybody in the store.
func empty(t testing.TB, s *Server) {
	t.Helper()
	js := js(t, s)
	await.True(t, "an empty store", func() bool {
		info, err := js.Stream(t.Context(), "packetmq-packets")
		return err == nil && info.CachedInfo().State.Msgs == 0
	})
}

// What is sent to a user who is away waits for him, and comes to him at another node, in order,
// once, mixed with what is sent while he is there.
func TestDurableUser(t *testing.T) {
	leak.Check(t)
	a, b, s := twoNodes(t, cluster.Durability{})
	u := cluster.Durable(cluster.User("böse.* >"))
	for i := range 300 { // more than the store is asked for at once, and than a session may have
		sendDurable(t, a, u, i)
	}
	p := b.player("böse.* >")
	for i := 300; i < 400; i++ {
		if err := cluster.Send(a.Node, u, noted, &note{N: i}); err != nil {
			t.Fatal(err)
		}
	}
	wantNotes(t, p, 0, 399)
	empty(t, s)
	sendDurable(t, b, u, 400)
	wantNotes(t, p, 400, 400)
	await.True(t, "counts of what was stored and delivered", func() bool {
		return a.Stats().Durable.Stored == 400 && b.Stats().Durable.Delivered == 401
	})
	if st := b.Stats().Durable; st.Returned+st.Dropped != 0 {
		t.Errorf("node b has counted %+v", st)
	}
	if st := a.Stats().Durable; st.Refused != 0 {
		t.Errorf("node a has counted %+v", st)
	}
}

// What a client has not acknowledged when its session is lost comes again in its next one, at
// another node, and not again after that.
func TestDurableComesAgain(t *testing.T) {
	leak.Check(t)
	a, b, s := twoNodes(t, cluster.Durability{})
	p := a.playerWith("u", &session.Config{AckEvery: time.Hour}) // or never
	for i := range 10 {
		sendDurable(t, b, cluster.Durable(cluster.User("u")), i)
	}
	wantNotes(t, p, 0, 9)
	p.at.End("test.over")
	await.Value(t, "end", p.ends)
	again := b.player("u")
	wantNotes(t, again, 0, 9)
	empty(t, s)
	await.True(t, "count of what was returned", func() bool { return a.Stats().Durable.Returned == 10 })
}

// A program whose client tells what it had last has nothing sent to it twice.
func TestDurableSkips(t *testing.T) {
	leak.Check(t)
	var mu sync.Mutex
	had := make(map[string]uint64) // by user
	last := uint64(0)
	a, b, _ := twoNodes(t, cluster.Durability{Deliver: func(m room.Member, d cluster.Delivery) bool {
		mu.Lock()
		defer mu.Unlock()
		last = d.Seq
		return d.Seq > had[d.User]
	}})
	u := cluster.Durable(cluster.User("u"))
	p := a.player("u")
	sendDurable(t, b, u, 1)
	sendDurable(t, b, u, 2)
	wantNotes(t, p, 1, 2)
	mu.Lock()
	had["u"] = last
	mu.Unlock()
	p.at.End("test.over")
	sendDurable(t, b, u, 3)
	wantNotes(t, b.player("u"), 3, 3)
	await.True(t, "count of what was delivered", func() bool { return b.Stats().Durable.Delivered == 1 })
}

// A conn that is no session has each packet at most once.
func TestDurableConn(t *testing.T) {
	leak.Check(t)
	a, b, s := twoNodes(t, cluster.Durability{})
	sendDurable(t, a, cluster.Durable(cluster.User("u")), 1)
	c, got := b.conn(t)
	if err := b.Bind(c, "u"); err != nil {
		t.Fatal(err)
	}
	if n := await.Value(t, "note", got); n.N != 1 {
		t.Errorf("got %+v", n)
	}
	empty(t, s)
}

// One packet more than may wait for a user is refused with an error that says so, and so is what
// is beyond the bound of the store; what is sent without waiting is told.
func TestDurableBounds(t *testing.T) {
	leak.Check(t)
	refused := make(chan error, 10)
	n := durableNode(t, "a", store(t), cluster.Durability{Packets: 3, Bytes: 1 << 16, OnRefused: func(to cluster.DurableTarget, packet string, reason error) {
		if to.User() == "u" && packet == noted.Name() {
			refused <- reason
		}
	}})
	u := cluster.Durable(cluster.User("u"))
	for i := range 3 {
		sendDurable(t, n, u, i)
	}
	if err := cluster.SendDurable(t.Context(), n.Node, u, noted, &note{N: 3}); !errors.Is(err, cluster.ErrManyWait) {
		t.Errorf("one too many: %v", err)
	}
	if err := cluster.Send(n.Node, u, noted, &note{N: 3}); err != nil {
		t.Errorf("sent without waiting: %v", err)
	}
	if err := await.Value(t, "refusal", refused); !errors.Is(err, cluster.ErrManyWait) {
		t.Errorf("refused with %v", err)
	}
	long := note{Text: string(make([]byte, 30<<10))}
	var err error
	for i := 0; i < 10 && err == nil; i++ {
		err = cluster.SendDurable(t.Context(), n.Node, cluster.Durable(cluster.User(fmt.Sprint("v", i))), noted, &long)
	}
	if !errors.Is(err, cluster.ErrStoreFull) {
		t.Errorf("a full store: %v", err)
	}
	wantNotes(t, n.player("u"), 0, 2)
	await.True(t, "room for one more", func() bool {
		return cluster.SendDurable(t.Context(), n.Node, u, noted, &note{N: 3}) == nil
	})
}

// What has waited for too long is dropped, and told once, with what it was.
func TestDurableAge(t *testing.T) {
	leak.Check(t)
	var told dropped
	a, b, s := twoNodes(t, cluster.Durability{Age: 400 * time.Millisecond, OnDropped: told.add})
	for i := range 3 {
		sendDurable(t, a, cluster.Durable(cluster.User("u")).WithID(fmt.Sprint(i)), i)
	}
	await.True(t, "dropped packets", func() bool { return len(told.all()) >= 3 })
	empty(t, s)
	if got := fmt.Sprint(told.all()); got != "[u  0 true u  1 true u  2 true]" {
		t.Errorf("told %s", got)
	}
	await.True(t, "count of what was dropped", func() bool { return a.Stats().Durable.Dropped+b.Stats().Durable.Dropped == 3 })
}

// Of several packets with one id one is stored.
func TestDurableDedup(t *testing.T) {
	leak.Check(t)
	a, b, _ := twoNodes(t, cluster.Durability{})
	u := cluster.Durable(cluster.User("u"))
	for _, n := range []*testNode{a, b, a} {
		sendDurable(t, n, u.WithID("order\r\n17"), 1)
	}
	sendDurable(t, a, cluster.Durable(cluster.User("v")).WithID("order\r\n17"), 3)
	sendDurable(t, a, u.WithID("order 18"), 2)
	wantNotes(t, b.player("u"), 1, 2)
	wantNotes(t, b.player("v"), 3, 3)
	if st := a.Stats().Durable; st.Stored != 3 || st.Doubled != 1 {
		t.Errorf("node a has counted %+v", st)
	}
}

// Where a user logs in a second time, the later one has what was not acknowledged, and what was
// acknowledged does not come again.
func TestDurableTwoLogins(t *testing.T) {
	leak.Check(t)
	a, b, _ := twoNodes(t, cluster.Durability{})
	u := cluster.Durable(cluster.User("u"))
	first := a.player("u")
	for i := range 300 { // 256 of them are acknowledged at once
		sendDurable(t, b, u, i)
	}
	wantNotes(t, first, 0, 299)
	await.True(t, "acknowledgements", func() bool { return a.Stats().Durable.Acked >= 256 })
	second := b.player("u")
	if err := await.Value(t, "end", first.ends); !errors.Is(err, cluster.ReasonElsewhere) {
		t.Errorf("the first login ended with %v", err)
	}
	sendDurable(t, a, u, 300)
	acked := int(a.Stats().Durable.Acked)
	if acked < 300 {
		wantNotes(t, second, acked, 299)
	}
	wantNotes(t, second, 300, 300)
	again := b.player("u") // at the same node
	sendDurable(t, a, u, 301)
	for n := again.next(t).N; n < 301; n = again.next(t).N {
		if n < acked {
			t.Errorf("note %d came again, though it was acknowledged", n)
		}
	}
}

// Without a store, and before there is one, everything that wants one says so at once.
func TestDurableWithoutStore(t *testing.T) {
	leak.Check(t)
	without := startServer(t, "plain", Config{})
	n := start(t, "a", nil, func(cfg *cluster.Config) {
		cfg.NATS, cfg.Durability = without.Conn(), &cluster.Durability{}
	})
	other := start(t, "b", nil, func(cfg *cluster.Config) { cfg.NATS = without.Conn() })
	for _, n := range []*testNode{n, other} {
		if err := cluster.Send(n.Node, cluster.Durable(cluster.User("u")), noted, &note{}); !errors.Is(err, cluster.ErrNoStore) {
			t.Errorf("%s: Send: %v", n.name, err)
		}
		if err := n.Room("r").JoinDurable(t.Context(), "u"); !errors.Is(err, cluster.ErrNoStore) {
			t.Errorf("%s: JoinDurable: %v", n.name, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := n.DurableReady(ctx); !errors.Is(err, cluster.ErrNoStore) {
			t.Errorf("%s: DurableReady: %v", n.name, err)
		}
	}
	n.player("u") // with whom nothing is wrong
	if err := cluster.Send(n.Node, cluster.Durable(cluster.User("")), noted, &note{}); err == nil {
		t.Error("a user without a name was sent to")
	}
}

// The console of a node has what became of its durable packets, and why there is no store.
func TestDurableIsInspected(t *testing.T) {
	leak.Check(t)
	n := durableNode(t, "a", store(t), cluster.Durability{})
	sendDurable(t, n, cluster.Durable(cluster.User("u")), 1)
	wantNotes(t, n.player("u"), 1, 1)
	await.True(t, "counts", func() bool {
		d := n.Inspect().Durable
		return d != nil && d.Why == "" && d.Stored == 1 && d.Delivered == 1
	})
	without := startServer(t, "plain", Config{})
	lone := start(t, "b", nil, func(cfg *cluster.Config) { cfg.NATS, cfg.Durability = without.Conn(), &cluster.Durability{} })
	if d := lone.Inspect().Durable; d == nil || d.Why == "" {
		t.Errorf("of a node without a store there is %+v", d)
	}
	plain := start(t, "c", nil, func(cfg *cluster.Config) { cfg.NATS = without.Conn() })
	if d := plain.Inspect().Durable; d != nil {
		t.Errorf("of a node that keeps no durable packets there is %+v", d)
	}
}

// A packet that no node of the user's can read is dropped, and keeps nothing after it waiting.
func TestDurableBadPackets(t *testing.T) {
	leak.Check(t)
	var told dropped
	s := store(t)
	n := durableNode(t, "a", s, cluster.Durability{OnDropped: told.add})
	for _, data := range []string{"", "\x93\xa1i\xa9not:there\xc4\x01x", "\x91", "\xff\xff"} {
		if err := s.Conn().Publish("packetmq.durable.user.u", []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	sendDurable(t, n, cluster.Durable(cluster.User("u")), 1)
	p := n.player("u")
	wantNotes(t, p, 1, 1) // the node hears what is published for the user
	s.Conn().Publish("packetmq.yield.a", []byte("\xff"))
	s.Conn().Publish("packetmq.live.user.u", []byte("no header"))
	s.Conn().Publish("packetmq.enrolled.u", []byte("\xff"))
	await.True(t, "dropped packets", func() bool { return len(told.all()) >= 4 })
	sendDurable(t, n, cluster.Durable(cluster.User("u")), 2)
	wantNotes(t, p, 2, 2)
	await.True(t, "counts", func() bool { return n.Stats().Malformed == 3 })
}
