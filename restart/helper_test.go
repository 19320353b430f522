//go:build unix

package restart

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// generation is what would be one process: a server with what it hands over.
type generation struct {
	t       *testing.T
	name    string
	restart *Restart
	server  *peer.Server
	ln      *engine.Listener

	mu    sync.Mutex
	deeds []string // what was called, in order
}

// newGeneration makes a process whose state is called "memory".
func newGeneration(t *testing.T, name, path string, change func(cfg *Config)) *generation {
	t.Helper()
	g := &generation{t: t, name: name}
	cfg := &Config{Path: path, States: []State{{
		Name:   "memory",
		Export: func() ([]byte, error) { g.did("export"); return []byte("of " + name), nil },
		Resume: func() { g.did("resume") },
		Import: func(b []byte) error { g.did("import " + string(b)); return nil },
	}}}
	if change != nil {
		change(cfg)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.restart = r
	own := &peer.Config{}
	own.Version = name
	g.server = peer.NewServer(registry.New(), own)
	if err := g.server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.restart.Close(); g.server.Close() })
	return g
}

func (g *generation) did(what string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deeds = append(g.deeds, what)
}

func (g *generation) mustHaveDone(want ...string) {
	g.t.Helper()
	await.True(g.t, g.name+" has done "+strings.Join(want, ", "), func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return slices.Equal(g.deeds, want)
	})
}

// begin listens at addr as the first process, and offers.
func (g *generation) begin(addr string) {
	g.t.Helper()
	if _, err := g.restart.Take(g.t.Context()); !errors.Is(err, ErrNobody) {
		g.t.Fatalf("Take of the first process: %v", err)
	}
	if err := g.restart.Commit(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	ln, err := g.server.Listen(addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.ln = ln
	g.offer()
}

func (g *generation) offer() {
	g.t.Helper()
	if err := g.restart.Offer(Listener{"game", g.ln}); err != nil {
		g.t.Fatal(err)
	}
}

// takeOver takes over from another process, and serves and offers.
func (g *generation) takeOver() {
	g.t.Helper()
	all, err := g.restart.Take(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	if err := g.restart.Commit(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	g.serve(all)
	g.offer()
}

func (g *generation) serve(all []Socket) {
	g.t.Helper()
	if len(all) != 1 || all[0].Name != "game" {
		g.t.Fatalf("took %v", all)
	}
	ln, err := g.server.Serve(all[0].Listener)
	if err != nil {
		g.t.Fatal(err)
	}
	ln.SetRemoveFile(true)
	g.ln = ln
}

// url is where the listener is.
func (g *generation) url() string { return g.ln.Addr().Network() + "://" + g.ln.Addr().String() }

// caller is a client that asks who serves.
type caller struct {
	t *testing.T
	*peer.Client
}

func newCaller(t *testing.T) caller {
	c := peer.NewClient(registry.NewAdapting(), nil)
	if err := c.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return caller{t, c}
}

// who is the name of the process that serves at url.
func (c caller) who(url string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), await.Patience)
	defer cancel()
	conn, err := c.Connect(ctx, url)
	if err != nil {
		c.t.Fatalf("connect to %s: %v", url, err)
	}
	defer conn.Close()
	return conn.Remote().Version()
}

func isReplaced(r *Restart) bool {
	select {
	case <-r.Replaced():
		return true
	default:
		return false
	}
}

// control is a new path for a control socket.
func control(t *testing.T) string {
	t.Helper()
	leak.Check(t)
	return filepath.Join(t.TempDir(), "control")
}

// addresses are where a server may listen.
var addresses = map[string]func(t *testing.T) string{
	"tcp":  func(*testing.T) string { return "127.0.0.1:0" },
	"unix": func(t *testing.T) string { return "unix://" + filepath.Join(t.TempDir(), "game") },
}
