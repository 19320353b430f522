package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/session"
)

// asNode has the test binary be a node's process.
const asNode = "PACKETMQ_TRIAL_NODE"

func TestMain(m *testing.M) {
	if os.Getenv(asNode) != "" {
		if err := RunNode(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// selfAsNode is the command that makes this binary a node.
func selfAsNode() *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asNode+"=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// world is nodes in processes, and users in this one.
type world struct {
	t     *testing.T
	users *Users
	ctx   context.Context
	nodes map[string]*testNode

	mu    sync.Mutex
	addrs []Address // guarded by mu
}

// testNode is a node's process, and what it has told.
type testNode struct {
	*Process
	Presence
}

// newWorld starts nodes n0, n1 and so on, each of which has conns to all others.
func newWorld(t *testing.T, count int) *world {
	t.Helper()
	leak.Check(t)
	w := &world{t: t, nodes: make(map[string]*testNode)}
	var err error
	w.users, err = NewUsers(func() []Address {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.Clone(w.addrs)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.ctx = ctx
	t.Cleanup(w.check)
	t.Cleanup(func() { cancel(); w.users.Close() })
	for i := range count {
		w.start(fmt.Sprint("n", i))
	}
	w.whole()
	return w
}

// start starts a node, and gives its address to the users.
func (w *world) start(name string) *testNode {
	w.t.Helper()
	n := new(testNode)
	cfg := NodeConfig{Name: name, Secret: "swordfish", Lease: time.Second}
	for _, other := range w.nodes {
		cfg.Routes = append(cfg.Routes, other.Route)
	}
	p, err := StartProcess(selfAsNode(), cfg, func(e Event) { w.users.Tell(name, e); n.Tell(e) })
	if err != nil {
		w.t.Fatal(err)
	}
	n.Process = p
	w.nodes[name] = n
	w.mu.Lock()
	w.addrs = append(w.addrs, Address{name, p.Addr})
	w.mu.Unlock()
	return n
}

// kill ends a node by SIGKILL.
func (w *world) kill(name string) {
	w.nodes[name].Kill()
	delete(w.nodes, name)
}

// check ends all processes, and compares what was told of things that come and go in turn.
func (w *world) check() {
	for name, n := range w.nodes {
		if err := n.Stop(); err != nil {
			w.t.Error(err)
		}
		for _, wrong := range n.Wrong() {
			w.t.Errorf("%s: %s", name, wrong)
		}
	}
	if left := children(); len(left) > 0 {
		w.t.Errorf("processes are left: %v", left)
	}
}

// children are the processes that this one has started, where the system tells.
func children() (list []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		b, _ := os.ReadFile(file) // gone by now: no child
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			list = append(list, file)
		}
	}
	return list
}

// whole waits until each node has conns to all others.
func (w *world) whole() {
	w.t.Helper()
	await.True(w.t, "whole cluster", func() bool {
		for name, n := range w.nodes {
			for other := range w.nodes {
				if other != name && !n.HasNode(other) {
					return false
				}
			}
		}
		return true
	})
}

// user adds a user at a node, and waits until all nodes know him there, and as a member of his
// rooms.
func (w *world) user(name, node string, rooms ...string) *User {
	w.t.Helper()
	u := w.users.Add(w.ctx, name, w.place(node), rooms...)
	w.knows(name, node, rooms...)
	return u
}

// place is at which place the node's address is.
func (w *world) place(node string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Index(w.addrs, Address{node, w.nodes[node].Addr})
}

// knows waits until all nodes know a user at one node, and as a member of rooms there.
func (w *world) knows(user, at string, rooms ...string) {
	w.t.Helper()
	for name, n := range w.nodes {
		await.True(w.t, fmt.Sprintf("%s knows %s at %q", name, user, at), func() bool {
			where, err := n.Where(w.ctx, user)
			if err != nil {
				w.t.Fatal(err)
			}
			return where == at
		})
		for _, room := range rooms {
			await.True(w.t, fmt.Sprintf("%s knows the member %s", name, user), func() bool { return n.HasMember(room, user, at) })
		}
	}
}

// members waits until all nodes know these members of a room, "user@node", and no others.
func (w *world) members(room string, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	for name, n := range w.nodes {
		var got []string
		defer func() {
			if w.t.Failed() {
				w.t.Logf("%s knows the members %s", name, strings.Join(got, " "))
			}
		}()
		await.True(w.t, fmt.Sprintf("%s knows the members %v", name, want), func() bool {
			var err error
			if got, err = n.Members(w.ctx, room); err != nil {
				w.t.Fatal(err)
			}
			slices.Sort(got)
			return slices.Equal(got, want)
		})
	}
}

// send sends a packet to a user, as soon as the sender's session has room for it.
func (w *world) send(from *User, to string, filler []byte) (n uint64) {
	w.t.Helper()
	var err error
	await.True(w.t, "room in the session", func() bool {
		n, err = from.Send(to, false, filler)
		return !errors.Is(err, session.ErrFull)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// settled waits until what was sent has arrived or was told, in order and once.
func (w *world) settled() {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("%+v, refused %v; lost: %v", w.users.Summary(), w.users.Refusals(), w.users.Lost())
		}
	}()
	await.True(w.t, "word of all packets", func() bool { s := w.users.Summary(); return s.Silent == 0 })
	s := w.users.Summary()
	w.t.Logf("%+v", s)
	if !s.Kept() {
		w.t.Errorf("broken promise: %+v", s)
	}
}
