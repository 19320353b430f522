package engine

import (
	"errors"
	"io"
	"slices"
	"testing"
)

// refusedHandler is a Handler that is told what was not opened.
type refusedHandler struct {
	hooks
	told []error
}

func (u *refusedHandler) NotOpened(_ *Conn, err error) { u.told = append(u.told, err) }

// A conn that was never brought to a reactor takes nothing, and still can be.
func TestBeforeAttach(t *testing.T) {
	for name, call := range map[string]func(c *Conn) error{
		"Queue":   func(c *Conn) error { return c.Queue([]byte("too early")) },
		"Abort":   func(c *Conn) error { c.Abort(ErrBusy); return ErrClosed },
		"Finish":  func(c *Conn) error { c.Finish(0); return ErrClosed },
		"Pending": func(c *Conn) error { c.Pending(); return ErrClosed },
	} {
		t.Run(name, func(t *testing.T) {
			c := new(Conn)
			if err := call(c); !errors.Is(err, ErrClosed) {
				t.Errorf("%v, want %v", err, ErrClosed)
			}
			v := virtual(t, nil)
			opened := 0
			if err := v.r.Attach(&fakeTransport{}, c, &hooks{opened: func(*Conn) { opened++ }}, nil); err != nil {
				t.Fatal(err)
			}
			settle(t, v)
			if opened != 1 {
				t.Errorf("opened %d times", opened)
			}
		})
	}
}

// A conn that is refused has its transport closed, keeps no buffer and takes no
// more, wherever its way ended.
func TestRefusedConn(t *testing.T) {
	for name, refuse := range map[string]func(t *testing.T, r *Reactor, attach func()){
		"before the first run": func(_ *testing.T, r *Reactor, attach func()) { attach(); r.Close() },
		"closed":               func(_ *testing.T, r *Reactor, attach func()) { r.Close(); attach() },
		"full": func(t *testing.T, r *Reactor, attach func()) {
			r.cfg.MaxConns = 0
			attach()
			r.Close()
		},
		"while it closes": func(t *testing.T, r *Reactor, attach func()) {
			opened := make(chan struct{})
			attachFake(t, r, &fakeTransport{}, &hooks{
				opened: func(*Conn) { close(opened) },
				closed: func(*Conn, error) { attach() },
			})
			r.RunAsync()
			wait(t, "conn", opened)
			r.Close()
		},
		"after the close": func(t *testing.T, r *Reactor, attach func()) {
			r.RunAsync()
			busy, release := make(chan struct{}), make(chan struct{})
			r.Post(func() { close(busy); <-release })
			wait(t, "busy loop", busy)
			closed := make(chan struct{})
			go func() { r.Close(); close(closed) }()
			eventually(t, "the close is posted", func() bool {
				l := r.loops[0]
				l.inbox.mu.Lock()
				defer l.inbox.mu.Unlock()
				return l.inbox.tasks.Len() > 0
			})
			attach()
			close(release)
			wait(t, "close", closed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(nil)
			p, c := &fakeTransport{}, new(Conn)
			h := &refusedHandler{}
			h.opened = func(*Conn) { t.Error("it was opened") }
			refuse(t, r, func() {
				err := r.Attach(p, c, h, nil)
				c.Queue([]byte("for nobody"))
				if err != nil {
					h.told = append(h.told, err)
				}
			})
			if !p.closed {
				t.Error("the transport is open")
			}
			if n, out := r.Conns(), r.Buffers().Out(); n != 0 || out != 0 {
				t.Errorf("%d conns are counted and %d buffers are out", n, out)
			}
			if n := r.total.Load(); n != 0 {
				t.Errorf("%d bytes are counted", n)
			}
			if len(h.told) != 1 {
				t.Errorf("it was told %v", h.told)
			}
			if err := c.Queue([]byte("late")); !errors.Is(err, ErrClosed) {
				t.Errorf("Queue: %v", err)
			}
		})
	}
}

// Opened is the first event, whatever a transport does when it is opened.
func TestTransportThatIsEagerInOpen(t *testing.T) {
	for name, want := range map[string][]string{
		"input":      {"opened", "received abc"},
		"end":        {"opened", "closed EOF"},
		"input, end": {"opened", "received abc", "closed EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			var got []string
			input := []byte("abc")
			p := &fakeTransport{}
			deliver := func() {
				if len(input) > 0 && name != "end" {
					input = input[p.sink.Received(input):]
				}
				if name != "input" && (len(input) == 0 || name == "end") {
					p.sink.Ended(io.EOF)
				}
			}
			p.open = deliver
			p.pump = func() bool { deliver(); return false }
			attachFake(t, v.r, p, &hooks{
				opened:   func(*Conn) { got = append(got, "opened") },
				received: func(_ *Conn, b []byte) int { got = append(got, "received "+string(b)); return len(b) },
				closed:   func(_ *Conn, err error) { got = append(got, "closed "+err.Error()) },
			})
			settle(t, v)
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
