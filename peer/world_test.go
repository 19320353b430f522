package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/registry"
)

// note is the packet of most tests.
type note struct {
	N    int    `msgpack:"n"`
	Text string `msgpack:"text"`
}

// event is something that happened to a conn.
type event struct {
	what   string // made, lost
	conn   *Conn
	reason error
}

// side is one peer of a test with all that happens to it.
type side struct {
	reg    *registry.Registry
	ping   registry.Packet[note]
	pong   registry.Packet[note]
	cfg    Config
	events chan event
	beside bool // other tests run at the same time
}

// newRegistry makes a registry of a side that adapts, or of one that insists.
func newRegistry(adapt bool) *registry.Registry {
	if adapt {
		return registry.NewAdapting()
	}
	return registry.New()
}

// newSide registers test:ping and test:pong under two ids.
func newSide(adapt bool, ping, pong int) *side {
	s := &side{reg: newRegistry(adapt), events: make(chan event, 1000)}
	s.ping = registry.MustAdd[note](s.reg, "test:ping", ping)
	s.pong = registry.MustAdd[note](s.reg, "test:pong", pong)
	s.cfg.OnMade = func(c *Conn) { s.events <- event{"made", c, nil} }
	s.cfg.OnLost = func(c *Conn, reason error) { s.events <- event{"lost", c, reason} }
	return s
}

// next waits for the next event, which must be a what.
func (s *side) next(t *testing.T, what string) event {
	t.Helper()
	e := wait(t, what, s.events)
	if e.what != what {
		t.Fatalf("conn was %s (%v), want %s", e.what, e.reason, what)
	}
	return e
}

// world is a server and a client over one of the transports.
type world struct {
	server  *Server
	client  *Peer
	s, c    *side
	connect func(ctx context.Context) (*Conn, error)
	scheme  bool          // there is a scheme's handshake before the conn's
	again   chan struct{} // if the test polls: the server runs again after a Stop
}

// runAgain has the server run after a Stop.
func (w *world) runAgain(t *testing.T) {
	t.Helper()
	if err := w.server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	select {
	case w.again <- struct{}{}:
	default: // nobody polls, or is told already
	}
}

// handshake connects and returns both ends.
func (w *world) handshake(t *testing.T) (server, client *Conn) {
	t.Helper()
	client, err := w.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.c.next(t, "made")
	return w.s.next(t, "made").conn, client
}

// transport makes a world; both sides are set up before.
type transport func(t *testing.T, s, c *side) *world

func overSocket(addr func(t *testing.T) string) transport {
	return func(t *testing.T, s, c *side) *world {
		w := &world{s: s, c: c}
		w.server = NewServer(s.reg, &s.cfg)
		client := NewClient(c.reg, &c.cfg)
		w.client = client.Peer
		ln, err := w.server.Listen(addr(t))
		if err != nil {
			t.Fatal(err)
		}
		url := ln.Addr().Network() + "://" + ln.Addr().String()
		w.connect = func(ctx context.Context) (*Conn, error) { return client.Connect(ctx, url) }
		w.start(t)
		return w
	}
}

// overTLS is TLS with certificates on both sides.
func overTLS() transport {
	return func(t *testing.T, s, c *side) *world {
		ca := newCA(t)
		s.cfg.TLS, c.cfg.TLS = ca.server(t), ca.client(t)
		s.cfg.TLS.ClientAuth = tls.RequireAndVerifyClientCert
		w := &world{s: s, c: c}
		w.server = NewServer(s.reg, &s.cfg)
		client := NewClient(c.reg, &c.cfg)
		w.client = client.Peer
		ln, err := w.server.Listen("tls://127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		url := "tls://" + ln.Addr().String()
		w.connect = func(ctx context.Context) (*Conn, error) { return client.Connect(ctx, url) }
		w.start(t)
		return w
	}
}

// enableWebSocket has a peer know ws://. It is set before any test runs, by the tests outside this
// package: package websocket is built on this one.
var enableWebSocket func(h SocketHost) error

// overWebSocket is ws://.
func overWebSocket() transport {
	return func(t *testing.T, s, c *side) *world {
		w := &world{s: s, c: c, scheme: true}
		w.server = NewServer(s.reg, &s.cfg)
		client := NewClient(c.reg, &c.cfg)
		w.client = client.Peer
		for _, h := range []SocketHost{w.server, client} {
			if err := enableWebSocket(h); err != nil {
				t.Fatal(err)
			}
		}
		ln, err := w.server.Listen("ws://127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		url := "ws://" + ln.Addr().String()
		w.connect = func(ctx context.Context) (*Conn, error) { return client.Connect(ctx, url) }
		w.start(t)
		return w
	}
}

// overPipe injects the ends of a net.Pipe.
func overPipe() transport {
	return func(t *testing.T, s, c *side) *world {
		w := &world{s: s, c: c}
		w.server = NewServer(s.reg, &s.cfg)
		client := NewClient(c.reg, &c.cfg)
		w.client = client.Peer
		w.connect = func(ctx context.Context) (*Conn, error) {
			near, far := net.Pipe()
			if _, err := w.server.Inject(far); err != nil {
				t.Error(err)
			}
			return client.Inject(ctx, near)
		}
		w.start(t)
		return w
	}
}

func overMemory(shared bool) transport {
	return func(t *testing.T, s, c *side) *world {
		w := &world{s: s, c: c}
		w.server = NewServer(s.reg, &s.cfg)
		if shared {
			c.cfg.Reactor = w.server.Reactor()
		}
		client := NewMemoryClient(c.reg, &c.cfg)
		w.client = client.Peer
		w.connect = func(ctx context.Context) (*Conn, error) { return client.Connect(ctx, w.server) }
		w.start(t)
		return w
	}
}

// start runs both reactors until the test ends, and looks for what is left.
func (w *world) start(t *testing.T) {
	if !w.s.beside {
		leak.Check(t)
	}
	t.Cleanup(func() {
		w.client.Close()
		w.server.Close()
		if n := w.client.Reactor().Buffers().Out(); n != 0 {
			t.Errorf("the client left %d buffers", n)
		}
		if n := w.server.Reactor().Buffers().Out(); n != 0 {
			t.Errorf("the server left %d buffers", n)
		}
	})
	if err := w.server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	if err := w.client.RunAsync(); err != nil && !errors.Is(err, engine.ErrRunning) {
		t.Fatal(err)
	}
}

// polled is a world whose callbacks run in Poll, on goroutines of the test's.
func polled(over transport) transport {
	return func(t *testing.T, s, c *side) *world {
		for _, side := range []*side{s, c} {
			var ec engine.Config
			if side.cfg.Engine != nil {
				ec = *side.cfg.Engine
			}
			ec.OnCaller = true
			side.cfg.Engine = &ec
		}
		w := over(t, s, c)
		w.again = make(chan struct{}, 1)
		go pollAll(w.server.Reactor(), w.again)
		if w.client.Reactor() != w.server.Reactor() {
			go pollAll(w.client.Reactor(), nil)
		}
		return w
	}
}

// pollAll is a main loop that does nothing but poll, until r is closed. While r is
// stopped it waits until it is told that r runs again.
func pollAll(r *engine.Reactor, again <-chan struct{}) {
	over := false
	defer func() {
		if !over { // a callback has called Goexit
			go pollAll(r, again)
		}
	}()
	for !over {
		_, err := r.Poll(context.Background())
		if err == nil {
			err = r.WaitDue(context.Background())
		}
		if err == engine.ErrNotRunning {
			select {
			case <-again:
			case <-r.Done():
			}
		}
		over = err == engine.ErrClosed
	}
}

var transports = map[string]transport{
	"tcp": overSocket(func(*testing.T) string { return "127.0.0.1:0" }),
	"unix": overSocket(func(t *testing.T) string {
		return "unix://" + filepath.Join(t.TempDir(), "s")
	}),
	"tls":                  overTLS(),
	"ws":                   overWebSocket(),
	"net.Pipe":             overPipe(),
	"memory, one reactor":  overMemory(true),
	"memory, two reactors": overMemory(false),

	"tcp, polled":                  polled(overSocket(func(*testing.T) string { return "127.0.0.1:0" })),
	"tls, polled":                  polled(overTLS()),
	"ws, polled":                   polled(overWebSocket()),
	"memory, one reactor, polled":  polled(overMemory(true)),
	"memory, two reactors, polled": polled(overMemory(false)),
}

// everywhere runs a test over every transport, with a server that insists on
// its ids (17, 18) and a client that adapts its own (40, 41).
func everywhere(t *testing.T, setUp func(s, c *side), test func(t *testing.T, w *world)) {
	for name, make := range transports {
		t.Run(name, func(t *testing.T) {
			s, c := newSide(false, 17, 18), newSide(true, 40, 41)
			if setUp != nil {
				setUp(s, c)
			}
			test(t, make(t, s, c))
		})
	}
}

// everywhereAtOnce is everywhere for a test that waits most of the time: the
// transports take their turns at the same time.
func everywhereAtOnce(t *testing.T, setUp func(s, c *side), test func(t *testing.T, w *world)) {
	leak.Check(t)
	apart := func(s, c *side) {
		s.beside = true
		if setUp != nil {
			setUp(s, c)
		}
	}
	everywhere(t, apart, func(t *testing.T, w *world) {
		t.Parallel()
		test(t, w)
	})
}

// inbox collects packets of one type.
func inbox(t *testing.T, h Host, pkt registry.Packet[note], size int) <-chan note {
	t.Helper()
	ch := make(chan note, size)
	Handle(h, pkt, func(c *Conn, v *note) error { ch <- *v; return nil })
	return ch
}
