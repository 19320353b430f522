//go:build unix

package trial

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/await"
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
			what := fmt.Sprintf("guild: n1-%d@n1", i)
			await.True(t, fmt.Sprint("end of ", what, " at ", name), func() bool { return !n.has(what) })
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
			left := fmt.Sprintf("left guild: n1-%d@n1", i)
			if got := n.times(left); n != n1 && got != 1 || n == n1 && got != 0 {
				t.Errorf("%s was told %q %d times", name, left, got)
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
		await.True(t, "end of the members", func() bool { return !n.has("guild: ann@n1") && !n.has("guild: eve@n1") && !n.has("node n1") })
	}
	t.Logf("all members of the paused node had left after %v, with a lease of 1 s", time.Since(began))
	again := w.users.Add(w.ctx, "ann", w.place("n2"), "guild")
	await.True(t, "ann at n2", func() bool { return others[0].has("guild: ann@n2") })
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
		if left, joined := n.times("left guild: eve@n1"), n.times("joined guild: eve@n1"); left != 1 || joined != 2 {
			t.Errorf("%s was told %d times that eve has left, and %d times that she has joined", n.Name(), left, joined)
		}
	}
	select {
	case err := <-again.Over():
		t.Errorf("the later login ended with %v", err)
	default:
	}
}
