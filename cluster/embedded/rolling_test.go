package embedded

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/cluster/internal/clustertest"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// echoer is a node whose server answers each note of a session in the session.
type echoer struct {
	*cluster.Node
	own      *Server
	addr     string
	sessions *session.Sessions
}

func newEchoer(t *testing.T, name, route string, handled *atomic.Int64) *echoer {
	t.Helper()
	srv := clustertest.NewServer(t, name, nil)
	e := &echoer{sessions: session.Serve(srv, nil)}
	peer.Handle(srv, noted, func(c *peer.Conn, v *note) error {
		handled.Add(1)
		return session.Send(session.Of(c), noted, v)
	})
	e.addr = clustertest.Run(t, srv)
	own := Config{Secret: "swordfish"}
	if route != "" {
		own.Routes = []string{route}
	}
	e.own = New(own)
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	node, err := cluster.Join(ctx, srv, cluster.Config{
		Name: name, Server: e.own, Travel: cluster.Travel{Sessions: e.sessions, Advertise: e.addr},
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Node = node
	t.Cleanup(func() { e.Leave() })
	return e
}

// talker is one client's session, and how far its conversation has got.
type talker struct {
	s              *session.Session
	sent, answered int // on the loop of the client alone
	over           bool
}

// talk sends the next notes, as long as few are under way.
func (x *talker) talk(t *testing.T, stop *atomic.Bool, done chan<- int) {
	for !stop.Load() && x.sent < x.answered+4 {
		if err := session.Send(x.s, noted, &note{N: x.sent}); err != nil {
			t.Errorf("note %d: %v", x.sent, err)
			break
		}
		x.sent++
	}
	if stop.Load() && x.sent == x.answered && !x.over {
		x.over = true
		done <- x.answered
	}
}

// startTalkers starts clients at the nodes in turn, whose sessions send notes until stop is true. Each
// then tells how many of its notes were answered.
func startTalkers(t *testing.T, clients int, at []*echoer, stop *atomic.Bool) <-chan int {
	t.Helper()
	cli := peer.NewClient(clustertest.WithPackets(registry.NewAdapting()), &peer.Config{Reconnect: &peer.Backoff{
		Min: time.Millisecond, Max: 50 * time.Millisecond, Follow: func(string, string) bool { return true },
	}})
	done := make(chan int, clients)
	peer.Handle(cli, noted, func(c *peer.Conn, v *note) error {
		x := session.Of(c).Data().(*talker)
		if v.N != x.answered {
			t.Errorf("%v: got note %d, want %d", x.s, v.N, x.answered)
		}
		x.answered++
		c.Loop().After(20*time.Millisecond, func() { x.talk(t, stop, done) }) // else they have the CPUs all to themselves
		return nil
	})
	if err := cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	for i := range clients {
		x := new(talker)
		s, err := session.Dial(t.Context(), cli, at[i%len(at)].addr, &session.Config{
			OnEnd: func(s *session.Session, reason error, unacked []session.Packet) {
				if !stop.Load() {
					t.Errorf("%v has ended with %v", s, reason)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		x.s = s
		s.SetData(x)
		s.Loop().Post(func() { x.talk(t, stop, done) })
	}
	return done
}

// All three nodes are replaced, one after the other, while 300 clients send and are answered:
// of the sessions' packets none is lost, doubled or out of order.
func TestRollingRestartOfThreeNodes(t *testing.T) {
	leak.Check(t)
	clients := 300
	if testing.Short() {
		clients = 30
	}
	var handled atomic.Int64
	var stop atomic.Bool
	all := []*echoer{newEchoer(t, "n0", "", &handled)}
	for i := range 2 {
		all = append(all, newEchoer(t, fmt.Sprint("n", i+1), all[0].own.Addr(), &handled))
	}
	clustertest.AwaitWhole(t, all)
	done := startTalkers(t, clients, all, &stop)
	moved := 0
	for i := range all {
		before := handled.Load()
		await.True(t, "traffic", func() bool { return handled.Load() > before+int64(clients) })
		result, err := all[i].Drain(t.Context(), cluster.Drain{Over: 100 * time.Millisecond})
		if err != nil || result.Left > 0 || result.Moved == 0 {
			t.Fatalf("drained %+v, %v", result, err)
		}
		moved += result.Moved
		all[i] = newEchoer(t, fmt.Sprint("n", i), all[(i+1)%3].own.Addr(), &handled)
		clustertest.AwaitWhole(t, all)
	}
	stop.Store(true)
	total := 0
	for range clients {
		total += await.Value(t, "end of a conversation", done)
	}
	if handled.Load() != int64(total) {
		t.Errorf("%d notes were handled, and %d answers came", handled.Load(), total)
	}
	sessions := 0
	for _, e := range all {
		sessions += e.sessions.Len()
	}
	if sessions != clients {
		t.Errorf("there are %d sessions in the end", sessions)
	}
	t.Logf("%d notes were handled once; sessions moved %d times", total, moved)
}
