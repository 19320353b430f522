//go:build packetmq_debug

package engine

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/bufpool"
)

// complaint is what f panics with; empty if it does not.
func complaint(f func()) (what string) {
	defer func() { what, _ = recover().(string) }()
	f()
	return
}

// attached is a conn over a loopback, opened if the reactor runs.
func attached(t *testing.T, r *Reactor, h *hooks) *Conn {
	t.Helper()
	c := new(Conn)
	if err := r.Attach(&loopback{pool: r.Buffers()}, c, h, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// loopOnly is what may be called on the loop's goroutine alone.
var loopOnly = map[string]func(c *Conn){
	"Conn.Out":            func(c *Conn) { c.Out() },
	"Conn.SetDeadline":    func(c *Conn) { c.SetDeadline(1) },
	"Conn.SetDelayOutput": func(c *Conn) { c.SetDelayOutput(false) },
	"Loop.Now":            func(c *Conn) { c.Loop().Now() },
}

// misuse calls all of it here, and looks for the words in each complaint.
func misuse(t *testing.T, c *Conn, words ...string) {
	t.Helper()
	for name, call := range loopOnly {
		got := complaint(func() { call(c) })
		for _, want := range append(words, name+" was not called on the loop", "the caller:\ngoroutine ", "engine.misuse(") {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in the complaint:\n%s", name, want, got)
			}
		}
	}
}

// use calls all of it where it may be called.
func use(t *testing.T, c *Conn) {
	t.Helper()
	for name, call := range loopOnly {
		if got := complaint(func() { call(c) }); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestLoopOnlyElsewhere(t *testing.T) {
	r := New(&Config{Loops: 2})
	defer r.Close()
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	c := attached(t, r, &hooks{opened: func(c *Conn) { use(t, c); close(opened) }})
	wait(t, "opening", opened)

	misuse(t, c, "\n\nthe loop:\ngoroutine ", "loop 0")

	at, stay := make(chan struct{}), make(chan struct{})
	busy := func() { close(at); <-stay }
	c.Loop().Post(busy)
	wait(t, "callback", at)
	misuse(t, c, "TestLoopOnlyElsewhere.func") // the callback that is under way
	close(stay)

	other := make(chan struct{})
	r.Loops()[1].Post(func() { // a loop, and not the conn's
		defer close(other)
		misuse(t, c, "the loop")
	})
	wait(t, "the other loop", other)

	r.Stop()
	misuse(t, c, "the loop is parked, since the reactor is stopped:\ngoroutine ", "(*Reactor).park(")
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}

	r.Close()
	misuse(t, c, "the loop")
}

// Out is refused before anything is touched: the loop goes on.
func TestLoopGoesOnAfterMisuse(t *testing.T) {
	r := New(nil)
	defer r.Close()
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	c := attached(t, r, &hooks{received: func(c *Conn, b []byte) int { got <- string(b); return len(b) }})
	complaint(func() { c.Out() })
	if err := c.Queue([]byte("still here")); err != nil {
		t.Fatal(err)
	}
	if s := wait(t, "echo", got); s != "still here" {
		t.Errorf("got %q", s)
	}
}

// A loop that never ran has no goroutine, before it is closed and after; a conn
// that was attached to it is refused.
func TestLoopClosedInline(t *testing.T) {
	r := New(nil)
	called := 0
	both := &hooks{
		opened: func(c *Conn) { called++; use(t, c) },
		closed: func(c *Conn, err error) { called++; use(t, c) },
	}
	c := attached(t, r, both)
	misuse(t, c, "the loop is on no goroutine now.")
	r.Close()
	misuse(t, c, "the loop is on no goroutine now.")
	if called != 0 {
		t.Errorf("%d callbacks of a conn that was never opened", called)
	}
}

func TestLoopOnlyOnAVirtualReactor(t *testing.T) {
	v := NewVirtual(nil)
	called := 0
	c := attached(t, v.Reactor(), &hooks{
		opened: func(c *Conn) { called++; use(t, c) },
		closed: func(c *Conn, err error) { called++; use(t, c) },
	})
	misuse(t, c, "the loop is on no goroutine now.")
	v.Settle(10)
	misuse(t, c, "the loop is on no goroutine now.") // between turns, on the goroutine that takes them
	v.Close()
	if called != 2 {
		t.Errorf("%d callbacks, want 2", called)
	}
}

// A loop that goes on after a Goexit has another goroutine, and that is where
// its calls may be made.
func TestLoopAfterGoexit(t *testing.T) {
	r := start(t, nil)
	opened := make(chan struct{})
	c := attached(t, r, &hooks{opened: func(*Conn) { close(opened) }})
	wait(t, "opening", opened)
	used := make(chan struct{})
	var before, after uint64
	c.Loop().Post(func() { before = goid(); runtime.Goexit() })
	c.Loop().Post(func() { after = goid(); use(t, c); close(used) })
	wait(t, "next call", used)
	if before == after {
		t.Errorf("both calls were on goroutine %d", before)
	}
}

func TestOutOfAConnThatNobodyOpened(t *testing.T) {
	c := new(Conn)
	if got := complaint(func() { c.SetDelayOutput(true) }); got != "" {
		t.Error(got)
	}
}

// What a handler keeps of its input is poison once it has returned, and what it
// left comes again unharmed.
func TestReceivedIsPoisoned(t *testing.T) {
	const text = "one two three"
	var kept, seen []byte
	done := make(chan struct{})
	nc := serve(t, start(t, nil), &hooks{received: func(c *Conn, b []byte) int {
		if len(kept) > 0 && !bytes.Equal(kept, bytes.Repeat([]byte{bufpool.Poison}, len(kept))) {
			t.Errorf("kept %q", kept)
		}
		n := min(2, len(b))
		kept, seen = b, append(seen, b[:n]...)
		if len(seen) == len(text) {
			close(done)
		}
		return n
	}})
	io.WriteString(nc, text)
	wait(t, "last byte", done)
	if string(seen) != text {
		t.Errorf("saw %q", seen)
	}
}
