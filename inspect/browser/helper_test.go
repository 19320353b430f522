package browser

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/internal/browsertest"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// login is what clients send, and hello what they are answered.
type login struct {
	Name     string
	Password string `packetmq:"secret"`
}

var (
	logins = registry.Define[login]("arena:login", 40)
	hellos = registry.Define[string]("arena:hello", 41)
)

// world is a server with a console, and clients.
type world struct {
	t     *testing.T
	srv   *peer.Server
	addr  string
	cfg   inspect.Config
	hs    *httptest.Server
	ends  chan error // of the clients' conns
	hello chan string
}

// newWorld starts a server whose console has that configuration.
func newWorld(t *testing.T, cfg inspect.Config) *world {
	t.Helper()
	w := &world{t: t, cfg: cfg, ends: make(chan error, 100), hello: make(chan string, 100000)}
	w.cfg.Every = 100 * time.Millisecond
	reg := registry.New()
	reg.MustAdd(logins, hellos)
	w.srv = peer.NewServer(reg, nil)
	peer.Handle(w.srv, logins, func(c *peer.Conn, v *login) error { return peer.Reply(c, hellos, &v.Name) })
	if err := w.srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.srv.Close() })
	ln, err := w.srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = "tcp://" + ln.Addr().String()
	w.hs = httptest.NewServer(inspect.Handler(w.srv, w.cfg))
	t.Cleanup(func() { w.hs.Close() })
	t.Cleanup(w.hs.CloseClientConnections)
	return w
}

// client connects a client whose program has that version.
func (w *world) client(version string) *peer.Conn {
	w.t.Helper()
	reg := registry.NewAdapting()
	reg.MustAdd(logins, hellos)
	cli := peer.NewClient(reg, &peer.Config{
		Identity: peer.Identity{Version: version},
		Events:   peer.Events{OnLost: func(_ *peer.Conn, reason error) { w.ends <- reason }},
	})
	peer.Handle(cli, hellos, func(_ *peer.Conn, v *string) error { w.hello <- *v; return nil })
	if err := cli.RunAsync(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { cli.Close() })
	c, err := cli.Connect(w.t.Context(), w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// login sends a login, and waits for the answer.
func (w *world) login(c *peer.Conn, name string) {
	w.t.Helper()
	if err := peer.Send(c, logins, &login{name, "swordfish"}); err != nil {
		w.t.Fatal(err)
	}
	if got := next(w.t, "hello", w.hello); got != name {
		w.t.Fatalf("hello %q, want %q", got, name)
	}
}

// loginTraced sends logins until one of them is in the trace of the page, which begins at some
// time after it was asked for.
func (w *world) loginTraced(p *browsertest.Page, c *peer.Conn, name string) {
	w.t.Helper()
	for range 100 {
		w.login(c, name)
		if p.Run(`new Promise(r => setTimeout(() => r(document.querySelector("#trace").textContent), 20))`) != "" {
			return
		}
	}
	w.t.Fatal("nothing is traced")
}

// open opens the console.
func (w *world) open() *browsertest.Page {
	w.t.Helper()
	p := browsertest.Open(w.t, w.hs.URL)
	p.Wait("figures of a live page", `document.querySelector("#state.live") && document.querySelector("#figures b")`)
	return p
}

// operator lets everybody act.
func operator() inspect.Config {
	return inspect.Config{
		Authorise: func(*http.Request) error { return nil },
		Level:     new(slog.LevelVar),
		Timing:    true,
		Rooms:     func(c *peer.Conn) []string { return []string{"lobby", fmt.Sprint("room ", c.ID()%25)} },
		Session:   func(c *peer.Conn) string { return fmt.Sprintf("session %d", c.ID()) },
	}
}

func next[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(20 * time.Second):
		t.Fatalf("no %s", what)
	}
	return v
}

// listen listens where something has listened before.
func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return ln
}
