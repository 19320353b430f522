//go:build unix

package trial

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// A node that is killed takes its members with it, each once at each other node, and a process
// of the same name that is started later is back without ghosts.
func TestKilledNodeIsGone(t *testing.T) {
	w := newWorld(t, 3)
	const each = 3
	for i := range each {
		for _, node := range []string{"n0", "n1", "n2"} {
			w.user(fmt.Sprint(node, "-", i), node, "guild")
		}
	}
	w.mu.Lock()
	w.addrs = w.addrs[:1] // to where the users of n1 come back
	w.mu.Unlock()
	began := time.Now()
	w.kill("n1")
	for name, n := range w.nodes {
		for i := range each {
			user := fmt.Sprint("n1-", i)
			await.True(t, fmt.Sprint("end of ", user, " at ", name), func() bool { return !n.HasMember("guild", user, "n1") })
		}
	}
	t.Logf("all members of the killed node had left after %v, with a lease of 1 s", time.Since(began))
	n1 := w.start("n1")
	w.whole()
	want := []string{"n0-0@n0", "n0-1@n0", "n0-2@n0", "n1-0@n0", "n1-1@n0", "n1-2@n0", "n2-0@n2", "n2-1@n2", "n2-2@n2"}
	w.members("guild", want...)
	w.user("late", "n1", "guild")
	w.members("guild", append(want, "late@n1")...)
	for name, n := range w.nodes {
		for i := range each {
			user := fmt.Sprint("n1-", i)
			if got := n.Left("guild", user, "n1"); n != n1 && got != 1 || n == n1 && got != 0 {
				t.Errorf("%s was told %d times that %s has left", name, got, user)
			}
		}
	}
}

// A node that is paused for longer than the lease is gone, and back afterwards with the users
// that nobody else has by then: each leaves and joins once.
func TestPausedNodeComesBack(t *testing.T) {
	w := newWorld(t, 3)
	w.user("eve", "n1", "guild")
	ann := w.user("ann", "n1", "guild")
	n1 := w.nodes["n1"]
	if err := n1.Pause(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	others := []*testNode{w.nodes["n0"], w.nodes["n2"]}
	for _, n := range others {
		await.True(t, "end of the members", func() bool {
			return !n.HasMember("guild", "ann", "n1") && !n.HasMember("guild", "eve", "n1") && !n.HasNode("n1")
		})
	}
	t.Logf("all members of the paused node had left after %v, with a lease of 1 s", time.Since(began))
	again := w.users.Add(w.ctx, "ann", w.place("n2"), "guild")
	await.True(t, "ann at n2", func() bool { return others[0].HasMember("guild", "ann", "n2") })
	if err := n1.Resume(); err != nil {
		t.Fatal(err)
	}
	w.whole()
	if err := await.Value(t, "end of the login at the paused node", ann.Over()); !errors.Is(err, cluster.ReasonElsewhere) {
		t.Errorf("the login at the paused node ended with %v", err)
	}
	w.members("guild", "ann@n2", "eve@n1")
	w.knows("ann", "n2")
	w.knows("eve", "n1")
	for _, n := range others {
		if left, joined := n.Left("guild", "eve", "n1"), n.Joined("guild", "eve", "n1"); left != 1 || joined != 2 {
			t.Errorf("%s was told %d times that eve has left, and %d times that she has joined", n.Name(), left, joined)
		}
	}
	select {
	case err := <-again.Over():
		t.Errorf("the later login ended with %v", err)
	default:
	}
}

// While a node is paused the others go on: what they send each other arrives in order, all of
// it, and what is for users of the paused node arrives there afterwards or is told.
func TestPausedNodeHoldsUpNobody(t *testing.T) {
	w := newWorld(t, 3)
	ann, bob := w.user("ann", "n0"), w.user("bob", "n2")
	w.user("eve", "n1")
	got := make(chan *Note, 1)
	bob.OnNote(func(n *Note) { got <- n })
	var took []time.Duration
	question := func() {
		began := time.Now()
		n := w.send(ann, "bob", nil)
		if v := await.Value(t, "note for bob", got); v.N != n {
			t.Fatalf("bob got note %d, want %d", v.N, n)
		}
		took = append(took, time.Since(began))
		w.send(ann, "eve", make([]byte, 1000))
	}
	longest := func(phase string) {
		t.Logf("%s: %d notes, at most %v each", phase, len(took), slices.Max(took))
		took = nil
	}
	for range 100 {
		question()
	}
	longest("before the pause")
	if err := w.nodes["n1"].Pause(); err != nil {
		t.Fatal(err)
	}
	for w.nodes["n0"].HasNode("n1") || w.nodes["n2"].HasNode("n1") {
		question()
	}
	longest("while the paused node was still known")
	for range 100 {
		question()
	}
	longest("when it was gone")
	if err := w.nodes["n1"].Resume(); err != nil {
		t.Fatal(err)
	}
	w.whole()
	w.knows("eve", "n1")
	for range 100 {
		question()
	}
	longest("when it was back")
	w.settled()
}

// A node whose loop stalls takes as much as fits between the nodes. Then senders to its users are
// refused, and senders to others are not. When it goes on, all that was not refused arrives.
func TestStalledNodeHoldsUpNobody(t *testing.T) {
	w := newWorld(t, 3)
	ann, bob := w.user("ann", "n0"), w.user("bob", "n2")
	w.user("eve", "n1")
	got := make(chan *Note, 1)
	bob.OnNote(func(n *Note) { got <- n })
	if err := w.nodes["n1"].Stall(w.ctx); err != nil {
		t.Fatal(err)
	}
	for refused := false; !refused; {
		for range 100 {
			w.send(ann, "eve", make([]byte, 10000))
		}
		n := w.send(ann, "bob", nil)
		if v := await.Value(t, "note for bob", got); v.N != n {
			t.Fatalf("bob got note %d, want %d", v.N, n)
		}
		refused = w.users.Refusals()[peer.ErrBackpressure.Error()] > 0
	}
	if err := w.nodes["n1"].GoOn(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.settled()
	if s := w.users.Summary(); s.ToldByEnd > 0 {
		t.Errorf("a conn or a session has ended: %+v", s)
	}
}
