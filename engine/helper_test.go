package engine

import (
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
)

const patience = await.Patience

// wait returns what arrives on ch, or fails the test.
func wait[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	return await.Value(t, what, ch)
}

// eventually waits for what another goroutine is about to have done, and for
// which it gives no event.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}

// hooks is a Handler made of functions; nil ones do nothing.
type hooks struct {
	opened   func(c *Conn)
	received func(c *Conn, b []byte) int
	expired  func(c *Conn)
	pressure func(c *Conn, above bool)
	drain    func(c *Conn)
	closed   func(c *Conn, err error)
}

func (h *hooks) Expired(c *Conn) {
	if h.expired != nil {
		h.expired(c)
	}
}

func (h *hooks) Pressure(c *Conn, above bool) {
	if h.pressure != nil {
		h.pressure(c, above)
	}
}

func (h *hooks) Opened(c *Conn) {
	if h.opened != nil {
		h.opened(c)
	}
}

func (h *hooks) Received(c *Conn, b []byte) int {
	if h.received != nil {
		return h.received(c, b)
	}
	return len(b)
}

func (h *hooks) Drain(c *Conn) {
	if h.drain != nil {
		h.drain(c)
		return
	}
	c.Finish(patience)
}

func (h *hooks) Closed(c *Conn, err error) {
	if h.closed != nil {
		h.closed(c, err)
	}
}

func echo(c *Conn, b []byte) int {
	if out := c.Out(); out != nil {
		out.B = append(out.B, b...)
	}
	return len(b)
}

// start runs a reactor until the test ends, and then looks for leaks.
func start(t *testing.T, cfg *Config) *Reactor {
	t.Helper()
	r := New(cfg)
	run(t, r)
	return r
}

// run runs r until the test ends, and then looks for leaks.
func run(t *testing.T, r *Reactor) {
	t.Helper()
	leak.Check(t)
	t.Cleanup(func() {
		r.Close()
		if n := r.Buffers().Out(); n != 0 {
			t.Errorf("%d buffers not back in the pool", n)
		}
	})
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
}

// serve listens with h for every conn and returns a dialled socket.
func serve(t *testing.T, r *Reactor, h *hooks) net.Conn {
	t.Helper()
	ln := listen(t, r, h)
	return dial(t, ln)
}

func listen(t *testing.T, r *Reactor, h *hooks) *Listener {
	t.Helper()
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func dial(t *testing.T, ln *Listener) net.Conn {
	t.Helper()
	nc, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func exchange(t *testing.T, nc net.Conn, msg string) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, msg); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(msg))
	if _, err := io.ReadFull(nc, got); err != nil {
		t.Fatal(err)
	}
	if string(got) != msg {
		t.Fatalf("got %q back, want %q", got, msg)
	}
}

func TestEcho(t *testing.T) {
	for _, network := range []string{"tcp", "tcp4", "unix"} {
		t.Run(network, func(t *testing.T) {
			r := start(t, nil)
			addr := "127.0.0.1:0"
			if network == "unix" {
				addr = filepath.Join(t.TempDir(), "s")
			}
			h := &hooks{received: echo}
			ln, err := r.Listen(network, addr, func(net.Conn) (*Conn, Handler) { return new(Conn), h })
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, dial(t, ln), "hello")
			exchange(t, dial(t, ln), "again")
		})
	}
}
