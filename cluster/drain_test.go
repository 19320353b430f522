package cluster

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/clustertest"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/session"
)

// follower is a client that goes where servers send it.
func follower(t *testing.T, n *testNode) *wanderer {
	t.Helper()
	x := &wanderer{ends: make(chan ended, 1)}
	x.cli, x.got = clustertest.NewClient(t, &peer.Config{Reconnect: &peer.Backoff{
		Min: time.Millisecond, Max: 20 * time.Millisecond, Follow: func(string, string) bool { return true },
	}})
	s, err := session.Dial(t.Context(), x.cli, n.addr, &session.Config{OnEnd: func(s *session.Session, reason error, unacked []session.Packet) {
		x.ends <- ended{s.ID(), reason, numbersOf(unacked)}
	}})
	if err != nil {
		t.Fatal(err)
	}
	x.Session = s
	return x
}

// A node that drains gives its sessions to the others, those that are away too, and their clients
// follow. It leaves, and its server closes.
func TestDrain(t *testing.T) {
	w := withSessions(1)
	all := w.startAll(t, 3)
	settled(t, all)
	var clients []*wanderer
	for range 10 {
		clients = append(clients, follower(t, all[0]))
	}
	away := newWanderer(t)
	at := away.come(t, all[0])
	if err := all[0].Bind(at, "ann"); err != nil {
		t.Fatal(err)
	}
	away.cut(t, at)
	sendNote(t, at, 0)
	for i, x := range clients {
		sendNote(t, x.Session, i)
	}
	bare := make(chan *peer.Advice, 1) // to a conn without a session
	cli, _ := clustertest.NewClient(t, &peer.Config{Events: peer.Events{OnLost: func(_ *peer.Conn, reason error) { bare <- peer.AdviceOf(reason) }}})
	if _, err := cli.Connect(t.Context(), all[0].addr); err != nil {
		t.Fatal(err)
	}
	done, err := all[0].Drain(t.Context(), Drain{})
	if a := await.Value(t, "advice to a bare conn", bare); a == nil || a.To == "" {
		t.Errorf("a conn without a session was told %v", a)
	}
	if err != nil || done != (Drained{Moved: 11}) {
		t.Fatalf("drained %+v, %v", done, err)
	}
	if all[0].Err() != ErrLeft {
		t.Errorf("the node has not left: %v", all[0].Err())
	}
	for i, x := range clients {
		await.True(t, "the client at another node", func() bool { return !x.Away() && x.Session.Conn().Dialed() != all[0].addr })
		sendNote(t, x.Session, len(clients)+i)
	}
	handledOnce(t, all, 2*len(clients), false)
	if all[1].home.sessions.Len() == 0 || all[2].home.sessions.Len() == 0 {
		t.Error("all sessions went to one node")
	}
	away.come(t, all[1])
	knows(t, all[2], "ann", "n1")
	if v := await.Value(t, "note", away.got); v.N != 0 {
		t.Errorf("got note %d", v.N)
	}
}

// A node that drains takes no session, begins none, and offers no service if others do.
func TestDrainingNodeTakesNothing(t *testing.T) {
	w := withSessions(1)
	change := w.change
	w.change = func(n *testNode, cfg *Config) { change(n, cfg); cfg.Services = []string{"shop"} }
	all := w.startAll(t, 3)
	settled(t, all)
	if err := all[0].travel.startDrain(); err != nil {
		t.Fatal(err)
	}
	await.True(t, "word that it drains", func() bool { return all[1].travel.leaving()["n0"] && all[2].travel.leaving()["n0"] })
	if err := all[0].travel.startDrain(); !errors.Is(err, ErrDraining) {
		t.Errorf("a second drain: %v", err)
	}
	for range 10 {
		if at := NodeOf(all[1].Service("shop")); at != "n2" {
			t.Fatalf("the service is asked for at %s", at)
		}
		if a := all[1].travel.somewhere(); a != all[2].addr {
			t.Fatalf("clients are sent to %s", a)
		}
	}
	x := newWanderer(t)
	lost := make(chan error, 1)
	x.try(t, all[0])
	x.conn.OnLost(func(reason error) { lost <- reason })
	reason := await.Value(t, "loss", lost)
	if a := peer.AdviceOf(reason); a == nil || a.To == "" || !errors.Is(reason, session.ReasonMoved) {
		t.Errorf("lost with %v", reason)
	}
	all[2].Leave()
	await.True(t, "end of the other one", func() bool { return len(all[1].Nodes()) == 1 })
	if at := NodeOf(all[1].Service("shop")); at != "n0" {
		t.Errorf("the service is asked for at %q", at)
	}
}

// A drain that finds nobody, or has no time, says so, and what is left is told.
func TestDrainThatCannot(t *testing.T) {
	w := withSessions(1)
	all := w.startAll(t, 2)
	settled(t, all)
	x := newWanderer(t)
	x.come(t, all[0])
	w.setCut("n1", true)
	await.True(t, "cut", func() bool { return len(all[0].Nodes()) == 0 })
	if _, err := all[0].Drain(t.Context(), Drain{}); !errors.Is(err, ErrNoNode) || all[0].Err() != nil {
		t.Errorf("with nobody: %v", err)
	}
	w.setCut("n1", false)
	whole(t, all)
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("too late")
	cancel(late)
	done, err := all[0].Drain(ctx, Drain{Over: time.Hour})
	if done.Left != 1 || !errors.Is(err, late) {
		t.Errorf("without time: %+v, %v", done, err)
	}
	if e := await.Value(t, "end", all[0].home.ends); !errors.Is(e.reason, peer.ErrClosed) {
		t.Errorf("what is left ended with %v", e.reason)
	}
}

// All nodes of a cluster are replaced, one after the other, while clients send and are answered:
// nothing is lost, doubled or out of order.
func TestRollingRestart(t *testing.T) {
	w := withSessions(1)
	w.lost, w.late = .01, .01
	change := w.change
	w.change = func(n *testNode, cfg *Config) {
		change(n, cfg)
		peer.Handle(n.srv, noted, func(c *peer.Conn, v *note) error { return session.Send(session.Of(c), noted, v) })
	}
	all := w.startAll(t, 3)
	settled(t, all)
	var clients []*wanderer
	const each = 10
	for i := range 3 * each {
		clients = append(clients, follower(t, all[i%3]))
	}
	stop := make(chan struct{})
	over := make(chan int, len(clients))
	for _, x := range clients {
		go x.chat(t, stop, over)
	}
	for i := range all {
		await.True(t, "traffic", func() bool { return all[i].home.sessions.Len() > 0 })
		if done, err := all[i].Drain(t.Context(), Drain{Over: 50 * time.Millisecond}); err != nil || done.Left > 0 || done.Moved == 0 {
			t.Fatalf("drained %+v, %v", done, err)
		}
		all[i] = w.start(t, fmt.Sprint("n", i))
		whole(t, all)
		await.True(t, "a node that is not young", func() bool { return all[i].now() > all[i].cfg.Lease })
	}
	close(stop)
	total := 0
	for range clients {
		total += await.Value(t, "end of a client's traffic", over)
	}
	t.Logf("%d notes went to and fro", total)
	sessions := 0
	for _, n := range all {
		sessions += n.home.sessions.Len()
	}
	if sessions != len(clients) {
		t.Errorf("there are %d sessions in the end", sessions)
	}
}

// chat sends notes, of which each is answered in order, some under way at once, until stop is
// closed; then it says how many were answered.
func (x *wanderer) chat(t *testing.T, stop chan struct{}, over chan<- int) {
	sent, answered := 0, 0
	for {
		select {
		case <-stop:
			stop = nil
		default:
		}
		for stop != nil && sent < answered+8 {
			if err := session.Send(x.Session, noted, &note{N: sent}); err != nil {
				t.Errorf("note %d: %v", sent, err)
				over <- answered
				return
			}
			sent++
		}
		if sent == answered {
			over <- answered
			return
		}
		select {
		case v := <-x.got:
			if v.N != answered {
				t.Errorf("got note %d, want %d", v.N, answered)
				over <- answered
				return
			}
			answered++
		case e := <-x.ends:
			t.Errorf("a session ended with %v, not acknowledged: %v", e.reason, e.unacked)
			over <- answered
			return
		}
	}
}

// Where the server is stopped a session cannot be packed: who waits for it gives up with its ctx, and the
// session stays.
func TestReleaseOfAStoppedServer(t *testing.T) {
	w := withSessions(1)
	n := w.startAll(t, 1)[0]
	x := newWanderer(t)
	at := x.come(t, n)
	if err := n.srv.Stop(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := release(ctx, at, n.travel.pack); r != nil {
		t.Fatal("packed by a server that is stopped")
	}
	if err := n.srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	var r *session.Released
	await.True(t, "the session to be had again", func() bool { r = release(t.Context(), at, n.travel.pack); return r != nil })
	r.Keep()
	x.come(t, n) // a session that is packed has no conn
	sendNote(t, at, 1)
	if v := await.Value(t, "note", x.got); v.N != 1 {
		t.Errorf("got note %d", v.N)
	}
}
