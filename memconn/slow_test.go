package memconn_test

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/memconn"
)

// sleeper is a reader that takes nothing until it is awake, and then checks
// what comes.
type sleeper struct {
	side
	awake atomic.Bool
	got   pattern
}

func newSleeper(t *testing.T) *sleeper {
	s := &sleeper{}
	s.received = func(c *engine.Conn, b []byte) int {
		if !s.awake.Load() {
			return 0
		}
		if !s.got.check(b) {
			t.Errorf("wrong bytes after %d", s.got)
			c.Abort(errTest)
		}
		return len(b)
	}
	return s
}

// A reader that takes nothing: the writer's pending bytes grow up to the bound,
// where more is refused. Nothing is lost of what was taken before.
func TestReaderThatTakesNothing(t *testing.T) {
	const bound, chunk = 1 << 20, 64 << 10
	tests := []struct {
		name string
		over int // how far beyond the bound the last write may go
		send func(c *engine.Conn, sent *pattern) (taken bool)
	}{
		{"Queue", 0, func(c *engine.Conn, sent *pattern) bool {
			before := *sent
			err := c.Queue(sent.append(nil, chunk))
			if err != nil {
				*sent = before
			}
			return !errors.Is(err, engine.ErrBackpressure)
		}},
		{"Out", chunk, func(c *engine.Conn, sent *pattern) bool {
			out := c.Out()
			if out != nil {
				out.B = sent.append(out.B, chunk)
			}
			return out != nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, engine.Config{MaxPending: bound}, func(t *testing.T, at *ends) {
				a, b := &side{}, newSleeper(t)
				at.connect(t, a, &b.side)
				var sent pattern
				for most := 0; ; {
					taken := make(chan bool, 1)
					at.la.Post(func() { taken <- tt.send(&a.Conn, &sent) })
					if !wait(t, "write", taken) {
						if most <= bound-chunk {
							t.Errorf("refused %d bytes with %d pending, bound is %d", chunk, most, bound)
						}
						break
					}
					settle(t, at.la)
					n := a.Pending() // less than before when the reader's end took some in
					if n > bound+tt.over {
						t.Fatalf("%d bytes pending after %d, bound is %d", n, most, bound)
					}
					most = max(most, n)
				}
				b.awake.Store(true)
				a.Finish(patience)
				b.ends(t, "reader", io.EOF)
				a.ends(t, "writer", nil)
				at.close(t)
				if b.got != sent {
					t.Errorf("%d bytes arrived, %d were taken", b.got, sent)
				}
			})
		})
	}
}

// A reader that takes nothing for too long ends the conn; what had moved on by
// then arrives.
func TestReaderThatTakesNothingForTooLong(t *testing.T) {
	const bound, soft, chunk = 1 << 20, 128 << 10, 16 << 10
	cfg := engine.Config{MaxPending: bound, SoftPending: soft, SoftTime: time.Millisecond}
	everywhere(t, cfg, func(t *testing.T, at *ends) {
		a, b := &side{}, newSleeper(t)
		at.connect(t, a, &b.side)
		var sent pattern
		var send func()
		send = func() {
			if out := a.Out(); out != nil {
				out.B = sent.append(out.B, chunk)
				at.la.Post(send)
			}
		}
		at.la.Post(send)
		a.ends(t, "writer", engine.ErrSlowConsumer)
		// The conn counts as over the soft bound until half of it is left.
		lost := a.Pending()
		if lost <= soft/2 || lost > bound+chunk {
			t.Errorf("the conn ended with %d bytes pending, bounds are %d and %d", lost, soft, bound)
		}
		b.awake.Store(true)
		b.ends(t, "reader", io.EOF)
		at.close(t)
		if b.got+pattern(lost) != sent {
			t.Errorf("%d bytes arrived and %d are told as lost, %d were written", b.got, lost, sent)
		}
	})
}

// A reader that takes little at a time gets everything.
func TestSlowReader(t *testing.T) {
	const total, chunk, share = 4 << 20, 10_000, 997
	everywhere(t, engine.Config{MaxPending: 2 * total}, func(t *testing.T, at *ends) {
		var got pattern
		a := &side{}
		b := &side{received: func(c *engine.Conn, b []byte) int {
			n := min(share, len(b))
			if !got.check(b[:n]) {
				t.Errorf("wrong bytes after %d", got)
				c.Abort(errTest)
			}
			return n
		}}
		at.connect(t, a, b)
		var sent pattern
		for int(sent) < total {
			if err := a.Queue(sent.append(nil, chunk)); err != nil {
				t.Fatal(err)
			}
		}
		a.Finish(patience)
		b.ends(t, "reader", io.EOF)
		a.ends(t, "writer", nil)
		at.close(t)
		if got != sent {
			t.Errorf("%d bytes arrived, %d were sent", got, sent)
		}
	})
}

// The ring has as many slots as it says; what is beyond waits at the writer.
func TestWindow(t *testing.T) {
	two := places[2]
	tests := []struct {
		name          string
		size          int
		buffers, move int
	}{
		{"slots", 1, 1000, memconn.Slots},
		{"bytes", 64 << 10, 50, memconn.Window>>16 + 1}, // the last one goes over it
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at := two.start(t, engine.Config{})
			var got pattern
			opened := make(chan struct{})
			a := &side{}
			b := &side{
				opened:   func(*engine.Conn) { close(opened) },
				received: func(_ *engine.Conn, b []byte) int { got.check(b); return len(b) },
			}
			at.connect(t, a, b)
			wait(t, "reader", opened)
			at.rb.Stop()
			var sent pattern
			for range tt.buffers {
				a.Queue(sent.append(nil, tt.size))
				settle(t, at.la)
			}
			if n, want := a.Pending(), (tt.buffers-tt.move)*tt.size; n != want {
				t.Errorf("%d bytes pending, want %d", n, want)
			}
			if err := at.rb.RunAsync(); err != nil {
				t.Fatal(err)
			}
			a.Finish(patience)
			a.ends(t, "writer", nil)
			at.close(t)
			if got != sent {
				t.Errorf("%d bytes arrived in order, %d were sent", got, sent)
			}
		})
	}
}
