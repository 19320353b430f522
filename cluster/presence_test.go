package cluster

import (
	"fmt"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
)

// told is what a watch was told, in order.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (w *told) add(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

// want waits until the watch was told so many things, and compares them.
func (w *told) want(t *testing.T, lines ...string) {
	t.Helper()
	await.True(t, fmt.Sprint("told ", lines), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.lines) >= len(lines)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := fmt.Sprint(w.lines); got != fmt.Sprint(lines) {
		t.Fatalf("told %v, want %v", got, lines)
	}
	w.lines = nil
}

// ends waits until a line is the last one that the watch was told: "" may be before it.
func (w *told) ends(t *testing.T, line string) {
	t.Helper()
	await.True(t, "told "+line, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.lines) > 0 && w.lines[len(w.lines)-1] == line
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = nil
}

// flush waits until the first loop of a node has called what was posted before.
func (n *testNode) flush() {
	done := make(chan struct{})
	n.srv.Reactor().Post(func() { close(done) })
	<-done
}

// mark has a member join a room, and waits until another node knows: and so what was told before.
func (n *testNode) mark(t *testing.T, room string, c *peer.Conn, user string, far *testNode) {
	t.Helper()
	n.Room(room).Join(c)
	await.True(t, "mark", func() bool { return far.members.Has(room + " " + user + " " + n.Name()) })
}

// A watch of a room begins with who is there, and is told of each who comes and goes.
func TestRoomsAreWatched(t *testing.T) {
	all := newNetwork(1).startAll(t, 2)
	ann, _ := all[0].user(t, "ann")
	all[0].Room("guild").Join(ann)
	await.True(t, "member", func() bool { return all[1].members.Has("guild ann n0") })

	var w told
	stop := all[1].Presence("guild").Watch(func(m Member, here bool) { w.add("%s %s %v", m.User, m.Node, here) })
	w.want(t, "ann n0 true")
	bob, _ := all[1].user(t, "bob")
	all[1].Room("guild").Join(bob)
	w.want(t, "bob n1 true")
	all[1].Room("other").Join(bob)
	all[1].Room("guild").Leave(bob)
	w.want(t, "bob n1 false")
	await.True(t, "one member", func() bool {
		m := all[0].Presence("guild").Members()
		return len(m) == 1 && m[0] == Member{"ann", "n0"}
	})
	all[0].Leave()
	w.want(t, "ann n0 false")
	stop()
	all[1].Room("guild").Join(bob)
	all[1].flush()
	w.want(t)
	if len(all[1].roomWatches) != 0 {
		t.Error("a watch is kept that has ended")
	}
}

// A user who is in a room twice is one member, until he has left it twice.
func TestAUserIsInARoomOnce(t *testing.T) {
	all := newNetwork(2).startAll(t, 2)
	var w told
	all[1].Presence("guild").Watch(func(m Member, here bool) { w.add("%s %s %v", m.User, m.Node, here) })
	first, _ := all[0].user(t, "ann")
	all[0].Room("guild").Join(first)
	w.want(t, "ann n0 true")
	second, _ := all[0].user(t, "nobody")
	all[0].mu.Lock()
	all[0].names[second] = "ann" // as when the end of the first takes a while
	all[0].mu.Unlock()
	all[0].Room("guild").Join(second)
	all[0].Room("guild").Leave(first)
	all[0].mark(t, "mark", second, "ann", all[1])
	if m := all[1].Presence("guild").Members(); len(m) != 1 {
		t.Errorf("the members are %v", m)
	}
	all[0].Room("guild").Leave(second)
	w.want(t, "ann n0 false")
}

// A watch of a user is told where he is, and where he goes.
func TestUsersAreWatched(t *testing.T) {
	all := newNetwork(3).startAll(t, 3)
	var w told
	stop := all[2].WatchUser("ann", func(node string) { w.add("%q", node) })
	w.want(t, `""`)
	all[0].user(t, "ann")
	w.want(t, `"n0"`)
	await.True(t, "user at another node", func() bool { return all[1].Where("ann") == "n0" })
	c, _ := all[1].user(t, "ann")
	w.ends(t, `"n1"`)
	await.True(t, "user elsewhere", func() bool { return all[0].Where("ann") == "n1" })
	eve, _ := all[0].user(t, "eve")
	all[0].mark(t, "mark", eve, "eve", all[2]) // n0 has given ann up before
	all[1].Unbind(c)
	w.want(t, `""`)
	all[2].user(t, "ann")
	w.want(t, `"n2"`)
	await.True(t, "user at another node", func() bool { return all[1].Where("ann") == "n2" })
	all[1].user(t, "ann")
	w.ends(t, `"n1"`)
	all[1].Leave()
	w.want(t, `""`)
	stop()
	if len(all[2].userWatches) != 0 {
		t.Error("a watch is kept that has ended")
	}
}

// A session or conn is one user: to bind it to another one ends the first binding.
func TestAMemberIsOneUser(t *testing.T) {
	all := newNetwork(4).startAll(t, 2)
	c, _ := all[0].user(t, "ann")
	if err := all[0].Bind(c, "bob"); err != nil {
		t.Fatal(err)
	}
	await.True(t, "user", func() bool { return all[1].Where("bob") == "n0" })
	if at := all[0].Where("ann"); at != "" {
		t.Errorf("ann is at %q", at)
	}
	await.True(t, "end of the user", func() bool { return all[1].Where("ann") == "" })
	if n := all[0].Stats().Users; n != 1 {
		t.Errorf("%d users", n)
	}
}
