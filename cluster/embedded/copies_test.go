package embedded

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/internal/clustertest"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// Copies of sessions in JetStream: a node ends without a word, and another one goes on with its
// session; what was acknowledged is not repeated.
func TestSessionGoesOnFromJetStream(t *testing.T) {
	leak.Check(t)
	store := startServer(t, "store", Config{StoreDir: t.TempDir()})
	got := make(chan note, 1000)
	node := func(name string) (*cluster.Node, *peer.Server, string, *nats.Conn) {
		srv := clustertest.NewServer(t, name, nil)
		sessions := session.Serve(srv, &session.Config{AckEvery: 10 * time.Millisecond})
		peer.Handle(srv, noted, func(c *peer.Conn, v *note) error {
			got <- note{N: v.N, Text: name}
			return session.Send(session.Of(c), noted, v)
		})
		addr := clustertest.Run(t, srv)
		nc := store.connect(t)
		ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
		defer cancel()
		n, err := cluster.Join(ctx, srv, cluster.Config{
			Name: name, NATS: nc, Lease: 500 * time.Millisecond, Travel: cluster.Travel{Sessions: sessions, Copies: &cluster.Bucket{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Leave() })
		return n, srv, addr, nc
	}
	first, srv, from, nc := node("n0")
	second, _, to, _ := node("n1")
	clustertest.AwaitWhole(t, []*cluster.Node{first, second})

	cli, answers := clustertest.NewClient(t, nil)
	s, err := session.Dial(t.Context(), cli, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	const each = 50
	send := func(first int) {
		for i := range each {
			if err := session.Send(s, noted, &note{N: first + i}); err != nil {
				t.Fatal(err)
			}
		}
	}
	send(0)
	await.True(t, "all is acknowledged", func() bool { n, _ := s.Pending(); return n == 0 })
	nc.Close() // the first node is silent from now on
	srv.Close()
	send(each)
	await.True(t, "end of the first node", func() bool { return len(second.Nodes()) == 0 })
	carry := func() *peer.Conn {
		c, err := cli.Connect(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Carry(c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := carry()
	await.True(t, "the session at the other node", func() bool {
		if c.State() != peer.Active {
			c = carry()
		}
		return s.Conn() == c || s.Err() != nil
	})
	if s.Err() != nil {
		t.Fatalf("ended with %v", s.Err())
	}
	await.True(t, "all is acknowledged", func() bool { n, _ := s.Pending(); return n == 0 })
	for i := range 2 * each {
		want := note{N: i, Text: "n0"}
		if i >= each {
			want.Text = "n1"
		}
		if v := <-got; v != want {
			t.Fatalf("handled %v, want %v", v, want)
		}
		if v := await.Value(t, "answer", answers); v.N != i {
			t.Fatalf("answer %d, want %d", v.N, i)
		}
	}
	if second.Stats().Restored != 1 {
		t.Errorf("counted %+v", second.Stats())
	}
}

// The bucket of the copies is ready when JetStream has made it, and says why it is not.
func TestBucketIsReady(t *testing.T) {
	leak.Check(t)
	store, none := startServer(t, "store", Config{StoreDir: t.TempDir()}), startServer(t, "none", Config{})
	node := func(name string, of *Server) *testNode {
		return start(t, name, nil, func(cfg *cluster.Config) {
			cfg.NATS, cfg.Travel.Copies = of.connect(t), &cluster.Bucket{}
		})
	}
	if err := node("a", store).CopiesReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := js(t, store).KeyValue(t.Context(), "packetmq-sessions"); err != nil {
		t.Errorf("the bucket: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := node("b", none).CopiesReady(ctx); !errors.Is(err, cluster.ErrNoStore) {
		t.Errorf("without JetStream: %v", err)
	}
}

// connect makes one more connection to the server, which ends with the test.
func (s *Server) connect(t *testing.T) *nats.Conn {
	t.Helper()
	s.mu.Lock()
	opts := s.nc.Opts
	s.mu.Unlock()
	nc, err := opts.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
