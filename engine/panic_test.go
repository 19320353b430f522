package engine

import (
	"errors"
	"io"
	"math"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

func TestPanicEndsOneConnOnly(t *testing.T) {
	r := start(t, nil)
	why := make(chan error, 1)
	h := &hooks{
		received: func(c *Conn, b []byte) int {
			if b[0] == '!' {
				panic("handler is broken")
			}
			return echo(c, b)
		},
		closed: func(c *Conn, err error) { why <- err },
	}
	ln := listen(t, r, h)
	good, bad := dial(t, ln), dial(t, ln)
	exchange(t, good, "before")
	io.WriteString(bad, "!")
	var pe *PanicError
	if err := wait(t, "close", why); !errors.As(err, &pe) || pe.Value != "handler is broken" {
		t.Errorf("closed because of %v, want the panic", err)
	}
	exchange(t, good, "after")
}

// wrapping is a Handler that wraps.
type wrapping struct {
	hooks
	wrap func(c *Conn, inner Transport) Transport
}

func (w *wrapping) Wrap(c *Conn, inner Transport) Transport { return w.wrap(c, inner) }

func ouch() { panic("ouch") }

// A panic in a callback ends its conn, whose end is told, and nothing else.
func TestPanicsOnTheWay(t *testing.T) {
	for name, h := range map[string]*wrapping{
		"Wrap":     {wrap: func(*Conn, Transport) Transport { panic("ouch") }},
		"Opened":   {hooks: hooks{opened: func(*Conn) { ouch() }}},
		"Received": {hooks: hooks{received: func(*Conn, []byte) int { panic("ouch") }}},
		"Expired": {hooks: hooks{
			opened:  func(c *Conn) { c.SetDeadline(1) },
			expired: func(*Conn) { ouch() },
		}},
		"Drain": {hooks: hooks{drain: func(*Conn) { ouch() }}},
		"Pressure": {hooks: hooks{
			opened:   func(c *Conn) { c.Queue(make([]byte, 2)) },
			pressure: func(*Conn, bool) { ouch() },
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v, p := virtual(t, &Config{SoftPending: 1}), &fakeTransport{stuck: true}
			p.pump = func() bool { p.sink.Received([]byte("x")); return false }
			var ended []error
			h.closed = func(_ *Conn, err error) { ended = append(ended, err) }
			if h.wrap == nil {
				h.wrap = func(_ *Conn, inner Transport) Transport { return inner }
			}
			c := attachFake(t, v.r, p, h)
			settle(t, v)
			c.sink().Wake(nil)
			settle(t, v)
			v.Advance(time.Second)
			settle(t, v)
			v.Drain()
			settle(t, v)
			var pe *PanicError
			if len(ended) != 1 || !errors.As(ended[0], &pe) || pe.Value != "ouch" {
				t.Errorf("ended with %v, want the panic, once", ended)
			}
			if !p.closed || v.r.Conns() != 0 {
				t.Errorf("closed: %v, %d conns", p.closed, v.r.Conns())
			}
		})
	}
}

// What Received returns is taken for what it can mean.
func TestReceivedBeyondReason(t *testing.T) {
	for n, want := range map[int]int{-1: 0, math.MinInt: 0, 4: 3, math.MaxInt: 3} {
		v, p := virtual(t, nil), &fakeTransport{}
		got := -1
		p.pump = func() bool { got = p.sink.Received([]byte("abc")); return false }
		attachFake(t, v.r, p, &hooks{
			opened:   func(c *Conn) { c.sink().Wake(c.Loop()) },
			received: func(*Conn, []byte) int { return n },
		})
		settle(t, v)
		if got != want {
			t.Errorf("%d was taken for %d, want %d", n, got, want)
		}
	}
}

// The same over a socket, where the rest is held: it comes again.
func TestNegativeReceived(t *testing.T) {
	r := start(t, nil)
	calls := 0
	nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		if calls++; calls < 3 {
			return -1
		}
		return echo(c, b)
	}})
	exchange(t, nc, "taken in the end")
}

// A panic in an Acceptor refuses one socket.
func TestPanicInAcceptor(t *testing.T) {
	r := start(t, nil)
	var calls atomic.Int32
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) {
		if calls.Add(1) == 1 {
			ouch()
		}
		return new(Conn), &hooks{received: echo}
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := dial(t, ln)
	refused.SetDeadline(time.Now().Add(patience))
	if n, err := refused.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %d bytes, %v from a refused conn", n, err)
	}
	exchange(t, dial(t, ln), "served")
	if n := r.Conns(); n != 1 {
		t.Errorf("Conns() = %d", n)
	}
}

// A transport that panics when it is closed has its conn end all the same, and
// keeps nothing else from it.
func TestPanicInTransportClose(t *testing.T) {
	for name, end := range map[string]func(v *Virtual, c *Conn){
		"Abort":   func(v *Virtual, c *Conn) { c.Abort(nil) },
		"Finish":  func(v *Virtual, c *Conn) { c.Finish(0) },
		"EOF":     func(v *Virtual, c *Conn) { v.r.Post(func() { c.sink().Ended(io.EOF) }) },
		"Close":   func(v *Virtual, c *Conn) { v.Close() },
		"refused": nil,
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			opened, closed := 0, 0
			h := &hooks{
				opened: func(*Conn) { opened++ },
				closed: func(*Conn, error) { closed++ },
			}
			attachFake(t, v.r, &fakeTransport{}, h)
			c := attachFake(t, v.r, &fakeTransport{close: ouch}, h)
			attachFake(t, v.r, &fakeTransport{}, h)
			if end != nil {
				settle(t, v)
				end(v, c)
				v.Settle(10)
			}
			v.Close()
			if opened != closed {
				t.Errorf("%d conns were opened and %d closed", opened, closed)
			}
		})
	}
}
