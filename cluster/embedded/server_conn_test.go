package embedded

import (
	"bytes"
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// ownConns are the numbers that the server has given to the node's conns that are not of nats.go.
func (n *testNode) ownConns() (ids []uint64) {
	all, err := n.server.server.Connz(&server.ConnzOptions{Subscriptions: true})
	if err != nil {
		n.t.Fatal(err)
	}
	for _, c := range all.Conns {
		if c.Version == "packetmq" {
			ids = append(ids, c.Cid)
		}
	}
	return ids
}

// asks calls the other node once.
func asks(t *testing.T, from *testNode, to string) {
	t.Helper()
	await.True(t, "answer", func() bool {
		c := from.Node.Node(to)
		if c == nil {
			return false
		}
		ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
		defer cancel()
		n := 3
		_, err := call.Do(ctx, c, double, &n)
		return err == nil
	})
}

// What nodes send each other passes by the connection of nats.go.
func TestStreamsHaveTheLoopsOwnConn(t *testing.T) {
	all := nodes(t, 2)
	for _, n := range all {
		if len(n.ownConns()) != 1 {
			t.Fatalf("%s has %d conns of its own", n.name, len(n.ownConns()))
		}
	}
	before := all[0].server.nc.Stats()
	began := time.Now()
	const calls = 200
	for range calls {
		asks(t, all[0], "n1")
	}
	after := all[0].server.nc.Stats()
	hellos := uint64(2 * (2 + time.Since(began)/(100*time.Millisecond))) // of two nodes, twice as many as are due
	if sent := after.OutMsgs - before.OutMsgs; sent > hellos+calls/4 {
		t.Errorf("nats.go has sent %d messages for %d calls", sent, calls)
	}
	if came := after.InMsgs - before.InMsgs; came > hellos+calls/4 {
		t.Errorf("nats.go was brought %d messages for %d calls", came, calls)
	}
}

// A node whose own conn is cut goes on by nats.go, and makes another one.
func TestOwnConnIsMadeAnew(t *testing.T) {
	all := nodes(t, 2)
	first := all[1].ownConns()
	if len(first) != 1 {
		t.Fatal(first)
	}
	for range 3 {
		cut := all[1].ownConns()
		for _, id := range cut {
			if err := all[1].server.server.DisconnectClientByID(id); err != nil {
				t.Fatal(err)
			}
			asks(t, all[0], "n1")
			asks(t, all[1], "n0")
		}
		await.True(t, "another conn", func() bool {
			now := all[1].ownConns()
			return len(now) == 1 && (len(cut) == 0 || now[0] != cut[0])
		})
	}
	asks(t, all[0], "n1")
	if !all[0].up.Has("n1") {
		t.Error("the conn between the nodes has ended with it")
	}
}

// A server that does not run yet when it joins has its conn as soon as it does.
func TestOwnConnWaitsForTheServer(t *testing.T) {
	all := nodes(t, 1)
	late := startLate(t, "n9", all[0])
	if len(late.ownConns()) != 0 {
		t.Fatal("a conn without a loop")
	}
	if err := late.srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	await.True(t, "conn", func() bool { return len(late.ownConns()) == 1 })
	asks(t, all[0], "n9")
}

// A node whose loop is in a slow handler still says that it is there on the streams to it, by nats.go.
func TestStalledLoopIsSpokenFor(t *testing.T) {
	all := nodes(t, 2)
	said := make(chan struct{}, 1000)
	sub, err := all[0].server.nc.Subscribe("packetmq.node.n0.stream", func(*nats.Msg) {
		select {
		case said <- struct{}{}:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := all[0].server.nc.FlushTimeout(await.Patience); err != nil {
		t.Fatal(err)
	}
	in, out := make(chan struct{}), make(chan struct{})
	all[1].srv.Reactor().Post(func() { close(in); <-out })
	defer close(out)
	await.Value(t, "slow handler", in)
	if err := peer.Send(all[0].Node.Node("n1"), noted, &note{N: 1}); err != nil {
		t.Fatal(err)
	}
	for range 30 { // what was on its way before is less
		await.Value(t, "word of the stalled node", said)
	}
}

// A server that shuts down does not wait for the node's own conn.
func TestOwnConnEndsWithShutdown(t *testing.T) {
	all := nodes(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- all[1].srv.Shutdown(ctx) }()
	await.True(t, "no conn", func() bool { return len(all[1].ownConns()) == 0 })
	cancel()
	await.Value(t, "end of the shutdown", over)
}

// What comes on the node's own conn is handled, and answered, without a wake-up of the loop.
func TestStreamsNeedNoWakeUp(t *testing.T) {
	all := nodes(t, 2)
	turns := func() (sum uint64) {
		for _, l := range all[1].srv.Reactor().Loops() {
			l.Call(t.Context(), func() { sum += l.Info().Turns })
		}
		return sum
	}
	if loops := len(all[1].srv.Reactor().Loops()); loops > 1 {
		t.Skipf("%d loops: those of conns may be others", loops)
	}
	asks(t, all[0], "n1")
	before := turns()
	const calls = 400
	for range calls {
		asks(t, all[0], "n1")
	}
	if n := turns() - before; n > calls/2 {
		t.Errorf("%d turns for %d calls", n, calls)
	}
}

// The loops of a node wait in the runtime's poller, where the goroutines of its server do.
func TestLoopsWaitBesideTheServer(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("loops wait by themselves here")
	}
	nodes(t, 2)
	stacks := make([]byte, 1<<20)
	await.True(t, "both loops in the runtime's poller", func() bool {
		all := stacks[:runtime.Stack(stacks, true)]
		return bytes.Count(all, []byte("engine.(*runtimeWait).rest(")) >= 2
	})
}
