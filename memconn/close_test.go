package memconn_test

import (
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/memconn"
)

func TestAbort(t *testing.T) {
	tests := []struct {
		name   string
		opened func(c *engine.Conn)
		end    func(at *ends, a *side)
	}{
		{"from outside", nil, func(_ *ends, a *side) { a.Abort(errTest) }},
		{"on the loop", nil, func(at *ends, a *side) { at.la.Post(func() { a.Abort(errTest) }) }},
		{"twice", nil, func(_ *ends, a *side) { a.Abort(errTest); a.Abort(io.ErrNoProgress) }},
		{"when it opens", func(c *engine.Conn) { c.Abort(errTest) }, nil},
		{"by a panic", func(c *engine.Conn) { panic(errTest) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
				a, b := &side{opened: tt.opened}, &side{}
				at.connect(t, a, b)
				if tt.end != nil {
					tt.end(at, a)
				}
				a.ends(t, "side that aborts", errTest)
				b.ends(t, "other side", io.EOF)
			})
		})
	}
}

// What was handed over before the end is read before it is told.
func TestInputComesBeforeTheEnd(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		var got pattern
		a := &side{}
		b := &side{received: func(_ *engine.Conn, b []byte) int {
			got.check(b[:1])
			return 1
		}}
		at.connect(t, a, b)
		var sent pattern
		for range 5 {
			a.Queue(sent.append(nil, 1000))
		}
		a.Abort(errTest) // has its one chance to send what was queued
		b.ends(t, "reader", io.EOF)
		at.close(t)
		if got != sent {
			t.Errorf("%d bytes arrived before the end, %d were sent", got, sent)
		}
	})
}

func TestCloseOfEitherReactor(t *testing.T) {
	for _, name := range []string{"writer's", "reader's"} {
		t.Run(name, func(t *testing.T) {
			at := places[2].start(t, engine.Config{})
			a, b := &side{}, &side{received: func(*engine.Conn, []byte) int { return 0 }}
			at.connect(t, a, b)
			for range 4 { // in the ring, and waiting
				a.Queue(make([]byte, memconn.Window))
				settle(t, at.la)
			}
			if name == "reader's" {
				at.rb.Close()
				b.ends(t, "reader", engine.ErrClosed)
				a.ends(t, "writer", io.EOF)
				return
			}
			at.lb.Post(func() { b.received = nil })
			at.ra.Close()
			a.ends(t, "writer", engine.ErrClosed)
			b.ends(t, "reader", io.EOF)
		})
	}
}

// Both sides write as fast as they can while an end comes from wherever it may.
func TestEndsWhileBuffersAreInFlight(t *testing.T) {
	endings := []struct {
		name string
		end  func(at *ends, a, b *side)
	}{
		{"Close of a", func(at *ends, a, b *side) { at.ra.Close() }},
		{"Close of b", func(at *ends, a, b *side) { at.rb.Close() }},
		{"Close of both", func(at *ends, a, b *side) {
			var wg sync.WaitGroup
			wg.Go(func() { at.ra.Close() })
			wg.Go(func() { at.rb.Close() })
			wg.Wait()
		}},
		{"Abort of a", func(at *ends, a, b *side) { a.Abort(errTest) }},
		{"Abort of b", func(at *ends, a, b *side) { b.Abort(errTest) }},
		{"Finish and Abort", func(at *ends, a, b *side) { a.Finish(patience); b.Abort(errTest) }},
		{"Finish of both", func(at *ends, a, b *side) { a.Finish(patience); b.Finish(patience) }},
		{"Finish and Close", func(at *ends, a, b *side) { a.Finish(patience); at.rb.Close() }},
	}
	leak.Check(t)
	for _, e := range endings {
		t.Run(e.name, func(t *testing.T) {
			for round := range 20 {
				at := places[round%len(places)].run(t, engine.Config{})
				a, b := &side{}, &side{}
				enough := make(chan struct{})
				n := 0
				b.received = func(c *engine.Conn, b []byte) int {
					if n++; n == 1+round {
						close(enough)
					}
					return echo(c, b)
				}
				at.connect(t, a, b)
				var stop atomic.Bool
				var wg sync.WaitGroup
				for _, s := range []*side{a, b} {
					wg.Go(func() {
						chunk := make([]byte, 3000)
						for !stop.Load() {
							if s.Pending() < 1<<20 && s.Queue(chunk) != nil {
								return
							}
							runtime.Gosched()
						}
					})
				}
				wait(t, "traffic", enough)
				e.end(at, a, b)
				wait(t, "end of a", a.end)
				wait(t, "end of b", b.end)
				stop.Store(true)
				wg.Wait()
				at.close(t)
			}
		})
	}
}

// An end that was never attached is closed by hand, and gives back what was
// written to it.
func TestCloseOfAnEndThatWasNotAttached(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		ta, tb := memconn.Pair(at.ra.Buffers(), at.rb.Buffers())
		a := &side{}
		at.attach(t, at.ra, at.la, ta, a)
		a.Queue([]byte("for nobody"))
		settle(t, at.la)
		tb.Close()
		a.ends(t, "attached side", io.EOF)
	})
}

func TestAttachToAClosedReactor(t *testing.T) {
	at := places[2].start(t, engine.Config{})
	ta, tb := memconn.Pair(at.ra.Buffers(), at.rb.Buffers())
	a := &side{}
	at.attach(t, at.ra, at.la, ta, a)
	at.rb.Close()
	if err := at.rb.Attach(tb, new(engine.Conn), &side{}, nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Attach: %v, want ErrClosed", err)
	}
	a.ends(t, "attached side", io.EOF)
}
