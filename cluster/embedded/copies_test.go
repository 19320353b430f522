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

// copyNode is a node that keeps copies of its sessions, and whose server answers each note in its
// session.
type copyNode struct {
	*cluster.Node
	srv  *peer.Server
	addr string
	nc   *nats.Conn
}

// newCopyNode starts a node that notes in handled what it has handled, with its name.
func newCopyNode(t *testing.T, name string, store *Server, handled chan<- note) *copyNode {
	t.Helper()
	n := &copyNode{srv: clustertest.NewServer(t, name, nil), nc: store.connect(t)}
	sessions := session.Serve(n.srv, &session.Config{AckEvery: 10 * time.Millisecond})
	peer.Handle(n.srv, noted, func(c *peer.Conn, v *note) error {
		handled <- note{N: v.N, Text: name}
		return session.Send(session.Of(c), noted, v)
	})
	n.addr = clustertest.Run(t, n.srv)
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	node, err := cluster.Join(ctx, n.srv, cluster.Config{
		Name: name, NATS: n.nc, Lease: 500 * time.Millisecond, Travel: cluster.Travel{Sessions: sessions, Copies: &cluster.Bucket{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Node = node
	t.Cleanup(func() { n.Leave() })
	return n
}

// end has a node end without a word: it says nothing more to others, and its server closes.
func (n *copyNode) end() {
	n.nc.Close()
	n.srv.Close()
}

// carry has conns to a node claim a session until one carries it.
func carry(t *testing.T, cli *peer.Client, s *session.Session, addr string) {
	t.Helper()
	var c *peer.Conn
	await.True(t, "the session at the other node", func() bool {
		if s.Err() != nil {
			t.Fatalf("ended with %v", s.Err())
		}
		if c == nil || c.State() != peer.Active {
			var err error
			if c, err = cli.Connect(t.Context(), addr); err != nil {
				t.Fatal(err)
			}
			if err := s.Carry(c); err != nil {
				t.Fatal(err)
			}
		}
		return s.Conn() == c
	})
}

// Copies of sessions in JetStream: a node ends without a word, and another one goes on with its
// session; what was acknowledged is not repeated.
func TestSessionGoesOnFromJetStream(t *testing.T) {
	leak.Check(t)
	store := startServer(t, "store", Config{StoreDir: t.TempDir()})
	handled := make(chan note, 1000)
	first, second := newCopyNode(t, "n0", store, handled), newCopyNode(t, "n1", store, handled)
	clustertest.AwaitWhole(t, []*copyNode{first, second})
	cli, answers := clustertest.NewClient(t, nil)
	s, err := session.Dial(t.Context(), cli, first.addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := func() bool { n, _ := s.Pending(); return n == 0 }
	const each = 50
	for i := range 2 * each {
		if i == each {
			await.True(t, "all is acknowledged", acknowledged)
			first.end()
		}
		if err := session.Send(s, noted, &note{N: i}); err != nil {
			t.Fatal(err)
		}
	}
	await.True(t, "end of the first node", func() bool { return len(second.Nodes()) == 0 })
	carry(t, cli, s, second.addr)
	await.True(t, "all is acknowledged", acknowledged)
	for i := range 2 * each {
		want := note{N: i, Text: "n0"}
		if i >= each {
			want.Text = "n1"
		}
		if v := await.Value(t, "handled note", handled); v != want {
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
