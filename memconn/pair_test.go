package memconn_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/memconn"
)

var errTest = errors.New("a reason of the test's own")

func TestEcho(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		got := make(chan string, 1)
		a := &side{
			opened:   func(c *engine.Conn) { write(c, []byte("hello")) },
			received: func(_ *engine.Conn, b []byte) int { got <- string(b); return len(b) },
		}
		at.connect(t, a, &side{received: echo})
		if s := wait(t, "echo", got); s != "hello" {
			t.Errorf("got %q", s)
		}
		a.Queue([]byte("again"))
		if s := wait(t, "echo", got); s != "again" {
			t.Errorf("got %q", s)
		}
	})
}

func TestAddr(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a, b := &side{}, &side{}
		at.connect(t, a, b)
		for _, s := range []*side{a, b} {
			if l, r := s.LocalAddr(), s.RemoteAddr(); l.Network() != "mem" || l.String() != "mem" || r != l {
				t.Errorf("addresses are %v %v and %v %v", l.Network(), l, r.Network(), r)
			}
		}
	})
}

// What is written to an end that nobody has attached yet waits there.
func TestWriteBeforeTheOtherEndIsAttached(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		ta, tb := memconn.Pair(at.ra.Buffers(), at.rb.Buffers())
		a, b := &side{}, &side{}
		got := make(chan string, 1)
		b.received = func(_ *engine.Conn, b []byte) int { got <- string(b); return len(b) }
		at.attach(t, at.ra, at.la, ta, a)
		a.Queue([]byte("early"))
		settle(t, at.la)
		at.attach(t, at.rb, at.lb, tb, b)
		if s := wait(t, "message", got); s != "early" {
			t.Errorf("got %q", s)
		}
	})
}

// message is a sender and its count: what the order is checked by.
const message = 8

func appendMessage(b []byte, sender, n int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(sender))
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// inOrder is a side that closes done when it has received want messages, each
// sender's in order.
func inOrder(t *testing.T, want int) (s *side, done chan struct{}) {
	done = make(chan struct{})
	next := make(map[uint32]uint32)
	s = &side{received: func(c *engine.Conn, b []byte) int {
		if len(b)%message != 0 {
			t.Errorf("received %d bytes, no whole messages", len(b))
			c.Abort(errTest)
		}
		for m := b; len(m) >= message; m = m[message:] {
			sender, n := binary.BigEndian.Uint32(m), binary.BigEndian.Uint32(m[4:])
			if n != next[sender] {
				t.Errorf("message %d of sender %d came when %d was due", n, sender, next[sender])
				c.Abort(errTest)
				return len(b)
			}
			next[sender]++
			if want--; want == 0 {
				close(done)
			}
		}
		return len(b)
	}}
	return s, done
}

func TestOrderFromTheLoop(t *testing.T) {
	const total, batch = 100_000, 100
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a := &side{}
		b, done := inOrder(t, total)
		at.connect(t, a, b)
		n := 0
		var send func()
		send = func() {
			for range batch {
				out := a.Out()
				if out == nil {
					t.Error("the conn has ended")
					return
				}
				out.B = appendMessage(out.B, 0, n)
				n++
			}
			if n < total {
				at.la.Post(send)
			}
		}
		at.la.Post(send)
		wait(t, "last message", done)
	})
}

// Messages from the loop and from other goroutines keep each sender's order,
// whatever the mixture.
func TestOrderFromEverywhere(t *testing.T) {
	const senders, each = 5, 20_000 // sender 0 is the loop
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a := &side{}
		b, done := inOrder(t, senders*each)
		at.connect(t, a, b)
		n := 0
		var send func()
		send = func() {
			for range 10 {
				out := a.Out()
				if out == nil {
					t.Error("the conn has ended")
					return
				}
				out.B = appendMessage(out.B, 0, n)
				n++
			}
			if n < each {
				at.la.Post(send)
			}
		}
		at.la.Post(send)
		var wg sync.WaitGroup
		for s := 1; s < senders; s++ {
			wg.Go(func() {
				buf := make([]byte, 0, message)
				for n := range each {
					if err := a.Queue(appendMessage(buf, s, n)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		wait(t, "last message", done)
	})
}

// On the loop, Out and Queue share one order.
func TestOrderOfOutAndQueue(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		var got bytes.Buffer
		all := make(chan string, 1)
		b := &side{received: func(_ *engine.Conn, b []byte) int {
			if got.Write(b); got.Len() == 10 {
				all <- got.String()
			}
			return len(b)
		}}
		a := &side{opened: func(c *engine.Conn) {
			for i := byte('0'); i <= '9'; i += 2 {
				write(c, []byte{i})
				c.Queue([]byte{i + 1})
			}
		}}
		at.connect(t, a, b)
		if s := wait(t, "message", all); s != "0123456789" {
			t.Errorf("got %q", s)
		}
	})
}

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
			t.Errorf("wrong bytes behind %d", s.got)
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
				t.Errorf("wrong bytes behind %d", got)
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

// The lane is as long as it says; what is beyond waits at the writer.
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

func TestFinish(t *testing.T) {
	const total = 3 << 20
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		var got, sent pattern
		a := &side{}
		b := &side{received: func(_ *engine.Conn, b []byte) int { got.check(b); return len(b) }}
		at.connect(t, a, b)
		a.Queue(sent.append(nil, total/2))
		at.la.Post(func() {
			out := a.Out()
			out.B = sent.append(out.B, total/2)
			a.Finish(patience)
		})
		b.ends(t, "other side", io.EOF)
		a.ends(t, "side that finished", nil)
		if err := a.Queue([]byte("late")); !errors.Is(err, engine.ErrClosed) {
			t.Errorf("Queue after the end: %v, want ErrClosed", err)
		}
		if n := a.Pending(); n != 0 {
			t.Errorf("%d bytes told as lost", n)
		}
		at.close(t)
		if got != total {
			t.Errorf("%d bytes arrived, want %d", got, total)
		}
	})
}

// Both sides finish at once, with output on its way. Whether a side sees the
// other's end first is up to the moment; that both end is not.
func TestFinishBothSides(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a, b := &side{}, &side{}
		at.connect(t, a, b)
		var wg sync.WaitGroup
		for _, s := range []*side{a, b} {
			wg.Go(func() {
				s.Queue(make([]byte, 1<<20))
				s.Finish(patience)
			})
		}
		wg.Wait()
		ea, eb := wait(t, "end", a.end), wait(t, "end", b.end)
		for _, err := range []error{ea, eb} {
			if err != nil && err != io.EOF {
				t.Errorf("Closed(%v)", err)
			}
		}
		if ea != nil && eb != nil {
			t.Errorf("Closed(%v) and Closed(%v): neither side finished", ea, eb)
		}
	})
}

// A reader that does not read keeps the other side from finishing, until the
// grace is over.
func TestFinishTimesOut(t *testing.T) {
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		a := &side{}
		b := &side{received: func(*engine.Conn, []byte) int { return 0 }}
		at.connect(t, a, b)
		for range 4 {
			a.Queue(make([]byte, memconn.Window))
			settle(t, at.la)
		}
		a.Finish(time.Millisecond)
		a.ends(t, "writer", engine.ErrFlushTimeout)
		if a.Pending() == 0 {
			t.Error("no bytes told as lost")
		}
	})
}

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
			for range 4 { // in the lane, and waiting
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

// Neither side sees memory that the other one can write to: not the slice that
// was written, nor the one that was received.
func TestIsolation(t *testing.T) {
	text := []byte("what the writer wrote")
	scribble := func(b []byte, v byte) {
		for i := range b {
			b[i] = v
		}
	}
	sends := map[string]func(a *side, b []byte){
		"Out":   func(a *side, b []byte) { write(&a.Conn, b) },
		"Queue": func(a *side, b []byte) { a.Queue(b) },
	}
	for name, send := range sends {
		t.Run(name, func(t *testing.T) {
			everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
				got := make(chan string, 1)
				written := make(chan struct{})
				a := &side{}
				b := &side{received: func(_ *engine.Conn, b []byte) int {
					<-written
					got <- string(b)
					scribble(b, 'r')
					return len(b)
				}}
				at.connect(t, a, b)
				kept := bytes.Clone(text)
				at.la.Post(func() {
					send(a, kept)
					scribble(kept, 'w')
					close(written)
				})
				if s := wait(t, "message", got); s != string(text) {
					t.Errorf("got %q, want %q", s, text)
				}
				settle(t, at.lb) // the reader has scribbled too
				if want := bytes.Repeat([]byte{'w'}, len(text)); !bytes.Equal(kept, want) {
					t.Errorf("the writer's slice is %q, want %q", kept, want)
				}
			})
		})
	}
}

// meter is a transport that counts the bytes of another one.
type meter struct {
	engine.Transport
	in, out int
}

func (m *meter) Open(s engine.Sink) { m.Transport.Open(meterSink{s, m}) }

func (m *meter) Write(b *engine.Buffer) error {
	m.out += len(b.B)
	return m.Transport.Write(b)
}

type meterSink struct {
	engine.Sink
	m *meter
}

func (s meterSink) Received(b []byte) int {
	n := s.Sink.Received(b)
	s.m.in += n
	return n
}

func TestWrap(t *testing.T) {
	const total, chunk = 1 << 20, 1000
	everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
		var meters [2]*meter
		wrapTo := func(m **meter) func(*engine.Conn, engine.Transport) engine.Transport {
			return func(_ *engine.Conn, inner engine.Transport) engine.Transport {
				*m = &meter{Transport: inner}
				return *m
			}
		}
		var back pattern
		a := &side{
			wrap: wrapTo(&meters[0]),
			received: func(c *engine.Conn, b []byte) int {
				if back.check(b); int(back) >= total {
					c.Finish(patience)
				}
				return len(b)
			},
		}
		b := &side{
			wrap:     wrapTo(&meters[1]),
			received: func(c *engine.Conn, b []byte) int { return echo(c, b[:min(len(b), 300)]) },
		}
		at.connect(t, a, b)
		var sent pattern
		for int(sent) < total {
			a.Queue(sent.append(nil, chunk))
		}
		a.ends(t, "writer", nil)
		b.ends(t, "echo", io.EOF)
		at.close(t)
		for i, m := range meters {
			if m.out != int(sent) || m.in != int(sent) {
				t.Errorf("meter %d counted %d bytes in and %d out, want %d", i, m.in, m.out, sent)
			}
		}
	})
}

// Conns write to, finish and abort themselves, and where they may the other end,
// in every callback.
func TestCallsFromEveryCallback(t *testing.T) {
	calls := map[string]func(c *engine.Conn){
		"Out":    func(c *engine.Conn) { write(c, []byte("x")) },
		"Queue":  func(c *engine.Conn) { c.Queue([]byte("x")) },
		"Finish": func(c *engine.Conn) { c.Finish(patience) },
		"Abort":  func(c *engine.Conn) { c.Abort(errTest) },
		"panic":  func(c *engine.Conn) { panic(errTest) },
	}
	for name, call := range calls {
		for _, when := range []string{"Opened", "Received", "Closed"} {
			t.Run(name+" in "+when, func(t *testing.T) {
				everywhere(t, engine.Config{}, func(t *testing.T, at *ends) {
					a, b := &side{}, &side{}
					do := func(here string, c *engine.Conn) {
						if here != when {
							return
						}
						if at.la == at.lb { // where b is this loop's too
							call(&b.Conn)
						}
						call(c)
					}
					a.opened = func(c *engine.Conn) { c.Queue([]byte("x")); do("Opened", c) }
					a.received = func(c *engine.Conn, b []byte) int { do("Received", c); return len(b) }
					a.closed = func(c *engine.Conn, _ error) { do("Closed", c) }
					n := 0
					b.received = func(c *engine.Conn, b []byte) int {
						if n++; n > 100 { // a rally has no end of its own
							c.Finish(patience)
						}
						return echo(c, b)
					}
					attached := make(chan struct{})
					at.la.Post(func() { at.connect(t, a, b); close(attached) }) // both, before either opens
					wait(t, "pair", attached)
					at.la.Post(func() { a.Finish(patience) })
					wait(t, "end of a", a.end)
					wait(t, "end of b", b.end)
				})
			})
		}
	}
}
