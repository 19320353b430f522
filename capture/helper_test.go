package capture

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/websocket"
)

// login is a packet with a secret field.
type login struct {
	Name     string
	Password string `packetmq:"secret"`
}

// line is a packet without one.
type line struct{ Text string }

// world is a server that is captured, and its clients.
type world struct {
	srv   *peer.Server
	addr  string
	reg   *registry.Registry
	login registry.Packet[login]
	line  registry.Packet[line]
	rec   *Recorder
	file  *buffer
	lost  chan error
	posts *Posts
}

// buffer is a bytes.Buffer that a test may read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.b.Bytes())
}

// testRegistry makes a registry with the packets of the tests.
func testRegistry(adapts bool, from int) (*registry.Registry, registry.Packet[login], registry.Packet[line]) {
	reg := registry.New()
	if adapts {
		reg = registry.NewAdapting()
	}
	return reg, registry.MustAdd[login](reg, "test:login", from), registry.MustAdd[line](reg, "test:line", from+1)
}

// startWorld runs a server that answers each line with the same line.
func startWorld(t *testing.T, cfg Config, change func(*world, *peer.Config)) *world {
	t.Helper()
	w := &world{file: new(buffer), lost: make(chan error, 100), posts: new(Posts)}
	w.reg, w.login, w.line = testRegistry(false, 20)
	if cfg.Registry == nil {
		cfg.Registry = w.reg
	}
	w.rec = New(w.file, cfg)
	pc := &peer.Config{Engine: &engine.Config{Tap: w.rec}}
	pc.OnLost = func(_ *peer.Conn, reason error) { w.lost <- reason }
	if change != nil {
		change(w, pc)
	}
	w.srv = peer.NewServer(w.reg, pc)
	echo(w.srv, w.login, w.line)
	l, err := w.srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = l.Addr().String()
	if err := w.srv.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.end(t) })
	return w
}

// echo has a server answer lines, and greet who logs in.
func echo(srv *peer.Server, logins registry.Packet[login], lines registry.Packet[line]) {
	peer.Handle(srv.Peer, lines, func(c *peer.Conn, m *line) error { return peer.Reply(c, lines, m) })
	peer.Handle(srv.Peer, logins, func(c *peer.Conn, m *login) error { return peer.Reply(c, lines, &line{"hello " + m.Name}) })
}

// end stops the server and ends the capture.
func (w *world) end(t *testing.T) {
	t.Helper()
	if err := w.srv.Close(); err != nil {
		t.Error(err)
	}
	if err := w.rec.Close(); err != nil && err != ErrClosed {
		t.Error(err)
	}
}

// client is one of its clients.
type client struct {
	*peer.Client
	conn  *peer.Conn
	login registry.Packet[login]
	line  registry.Packet[line]
	got   chan string
}

// connect connects a client.
func (w *world) connect(t *testing.T, cfg *peer.Config) *client {
	t.Helper()
	reg, logins, lines := testRegistry(true, 30)
	c := &client{Client: peer.NewClient(reg, cfg), login: logins, line: lines, got: make(chan string, 1000)}
	peer.Handle(c.Peer, lines, func(_ *peer.Conn, m *line) error {
		c.got <- m.Text
		return nil
	})
	websocket.Enable(c, nil)
	if err := c.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	conn, err := c.Connect(context.Background(), w.addr)
	if err != nil {
		t.Fatal(err)
	}
	c.conn = conn
	return c
}

// say sends a line and waits for the answer.
func (c *client) say(t *testing.T, text string) {
	t.Helper()
	if err := peer.Send(c.conn, c.line, &line{text}); err != nil {
		t.Fatal(err)
	}
	if got := await.Value(t, "answer", c.got); got != text {
		t.Fatalf("answer to %q is %q", text, got)
	}
}

// records reads the capture so far.
func (w *world) records(t *testing.T) []Record {
	t.Helper()
	return recordsOf(t, w.file.bytes())
}

// recordsOf reads a capture.
func recordsOf(t *testing.T, file []byte) (all []Record) {
	t.Helper()
	r, err := Open(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range r.Records() {
		if err != nil {
			t.Fatal(err)
		}
		rec.Data = bytes.Clone(rec.Data)
		all = append(all, rec)
	}
	return all
}
