package engine

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestClosedComesOnce(t *testing.T) {
	ends := map[string]func(c *Conn, nc net.Conn){
		"abort":       func(c *Conn, nc net.Conn) { c.Abort(io.ErrUnexpectedEOF) },
		"abort twice": func(c *Conn, nc net.Conn) { c.Abort(nil); c.Abort(io.EOF) },
		"finish":      func(c *Conn, nc net.Conn) { c.Finish(0); c.Abort(nil); c.Finish(time.Hour) },
		"peer":        func(c *Conn, nc net.Conn) { nc.Close(); c.Abort(nil) },
		"reset":       func(c *Conn, nc net.Conn) { nc.(*net.TCPConn).SetLinger(0); nc.Close(); c.Abort(nil) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			closed := make(chan error, 10)
			conns := make(chan *Conn, 1)
			nc := serve(t, r, &hooks{
				opened: func(c *Conn) { conns <- c },
				closed: func(c *Conn, err error) { closed <- err; c.Abort(err); c.Queue([]byte("late")) },
			})
			end(wait(t, "conn", conns), nc)
			wait(t, "close", closed)
			r.Close()
			if len(closed) != 0 {
				t.Error("Closed was called again")
			}
		})
	}
}

// Input that was held back is delivered before the end.
func TestHeldInputComesBeforeTheEnd(t *testing.T) {
	r := start(t, nil)
	var n int
	total := make(chan int, 1)
	nc := serve(t, r, &hooks{
		received: func(c *Conn, b []byte) int { n++; return 1 },
		closed:   func(c *Conn, err error) { total <- n },
	})
	nc.Write(make([]byte, 5000))
	nc.Close()
	if got := wait(t, "close", total); got != 5000 {
		t.Errorf("%d bytes delivered before Closed, want 5000", got)
	}
}

// Output without a byte in it does not keep the end waiting.
func TestFinishAfterEmptyOutput(t *testing.T) {
	for name, write := range map[string]func(c *Conn){
		"nothing": func(*Conn) {},
		"Out":     func(c *Conn) { c.Out() },
		"LastOut": func(c *Conn) { c.LastOut() },
		"Queue":   func(c *Conn) { c.Queue(nil) },
		"both":    func(c *Conn) { c.Out(); c.Queue(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			v, p := virtual(t, nil), &fakeTransport{}
			attachFake(t, v.r, p, &hooks{opened: func(c *Conn) { write(c); c.Finish(time.Hour) }})
			settle(t, v)
			if !p.fin {
				t.Error("the other side was not told")
			}
		})
	}
}

// A transport that lies over another one may have output that it has written by itself, such as
// the answer to an upgrade. A conn that finishes meanwhile tells the other side so when that has
// gone.
func TestFinishAfterOutputOfTheTransport(t *testing.T) {
	v, p := virtual(t, nil), &fakeTransport{held: 4}
	attachFake(t, v.r, p, &hooks{opened: func(c *Conn) { c.Finish(time.Hour) }})
	settle(t, v)
	if p.fin {
		t.Error("the other side was told before the output had gone")
	}
	p.held = 0
	v.Advance(recheckEvery)
	settle(t, v)
	if !p.fin {
		t.Error("the other side was not told")
	}
}

// An end that comes before all of a finishing conn's output has left is no end
// in order, and what did not leave is told.
func TestFinishTellsTheLoss(t *testing.T) {
	errReset := errors.New("reset")
	for _, tt := range []struct {
		name  string
		stuck bool
		end   error // of the transport
		want  error
		lost  int
	}{
		{"all sent, EOF", false, io.EOF, nil, 0},
		{"all sent, reset", false, errReset, nil, 0},
		{"some held, EOF", true, io.EOF, io.EOF, 4},
		{"some held, reset", true, errReset, errReset, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, p := virtual(t, nil), &fakeTransport{stuck: tt.stuck}
			var ended []error
			c := attachFake(t, v.r, p, &hooks{
				opened: func(c *Conn) { c.Queue([]byte("last")); c.Finish(time.Hour) },
				closed: func(_ *Conn, err error) { ended = append(ended, err) },
			})
			settle(t, v)
			p.held = 0 // a socket that is closed has forgotten it
			v.r.Post(func() { p.sink.Ended(tt.end) })
			settle(t, v)
			if len(ended) != 1 || ended[0] != tt.want {
				t.Errorf("Closed(%v), want one of %v", ended, tt.want)
			}
			if n := c.Pending(); n != tt.lost {
				t.Errorf("Pending() = %d, want %d", n, tt.lost)
			}
		})
	}
}

// The same over sockets: the other side ends with most of the output unread.
func TestFinishTellsTheLossOfASocket(t *testing.T) {
	const size = 32 << 20
	for name, end := range map[string]func(nc *net.TCPConn) error{
		"reset":      func(nc *net.TCPConn) error { nc.SetLinger(0); return nc.Close() },
		"half close": (*net.TCPConn).CloseWrite,
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Config{MaxPending: 2 * size})
			ended, written := make(chan error, 1), make(chan struct{})
			nc := serve(t, r, &hooks{
				opened: func(c *Conn) {
					out := c.Out()
					out.B = append(out.B, make([]byte, size)...)
					c.Finish(time.Hour)
					r.Post(func() { close(written) }) // after the flush
				},
				closed: func(_ *Conn, err error) { ended <- err },
			})
			wait(t, "write", written)
			if err := end(nc.(*net.TCPConn)); err != nil {
				t.Fatal(err)
			}
			if err := wait(t, "end", ended); err == nil {
				t.Error("Closed(nil), with most of the output lost")
			}
		})
	}
}

// A handler that takes nothing has a bounded amount wait for it, and then loses
// the conn.
func TestHeldInputIsBounded(t *testing.T) {
	const buffer = 64 << 10
	r := start(t, &Config{ReadBuffer: buffer})
	most := 0
	ended := make(chan error, 1)
	nc := serve(t, r, &hooks{
		received: func(_ *Conn, b []byte) int { most = max(most, len(b)); return 0 },
		closed:   func(_ *Conn, err error) { ended <- err },
	})
	go func() {
		for chunk := make([]byte, buffer); ; {
			if _, err := nc.Write(chunk); err != nil {
				return
			}
		}
	}()
	if err := wait(t, "end", ended); !errors.Is(err, ErrBacklog) {
		t.Errorf("Closed(%v), want %v", err, ErrBacklog)
	}
	if most > maxBacklog+buffer {
		t.Errorf("%d bytes were held, the bound is %d", most, maxBacklog+buffer)
	}
}

// Nothing but Closed comes after the callback that has asked for the end.
func TestNothingComesAfterAnAbort(t *testing.T) {
	for name, ask := range map[string]func(c *Conn){
		"Abort":  func(c *Conn) { c.Abort(io.ErrShortWrite) },
		"Finish": func(c *Conn) { c.Finish(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, &Config{SoftPending: 1})
			var conns []*Conn
			var got []string
			note := func(what string) { got = append(got, what) }
			for range 2 {
				var c *Conn
				other := func() *Conn { return conns[1-slices.Index(conns, c)] }
				c = attachFake(t, v.r, &fakeTransport{stuck: true}, &hooks{
					opened:   func(c *Conn) { c.SetDeadline(time.Second) },
					expired:  func(*Conn) { note("expired"); ask(other()) },
					pressure: func(*Conn, bool) { note("pressure") },
					drain:    func(*Conn) { note("drain") },
				})
				conns = append(conns, c)
			}
			settle(t, v)
			v.Advance(time.Minute)
			settle(t, v)
			if !slices.Equal(got, []string{"expired"}) {
				t.Errorf("two deadlines in one tick: got %q", got)
			}
			got = nil
			late := attachFake(t, v.r, &fakeTransport{stuck: true}, &hooks{
				pressure: func(*Conn, bool) { note("pressure") },
				drain:    func(*Conn) { note("drain") },
			})
			settle(t, v)
			v.r.Post(func() {
				late.Out().B = append(late.Out().B, "more than is soft"...)
				ask(late)
				late.drain()
				late.flush()
			})
			settle(t, v)
			if len(got) > 0 {
				t.Errorf("got %q", got)
			}
		})
	}
}

// A conn that ends between two writes of one flush leaves no hole in its output,
// and no buffer behind.
func TestEndBetweenTwoWrites(t *testing.T) {
	for name, fault := range map[string]func(){"panic": ouch, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, &Config{SoftPending: 1})
			p := &fakeTransport{stuck: true}
			closed := 0
			c := attachFake(t, v.r, p, &hooks{
				pressure: func(c *Conn, _ bool) { c.Queue([]byte("after")); fault() },
				closed:   func(*Conn, error) { closed++ },
			})
			settle(t, v)
			const part, parts = 100 << 10, 10 // more than one buffer
			for range parts {
				c.Queue(make([]byte, part))
			}
			gone := make(chan struct{})
			go func() { defer close(gone); v.Settle(1000) }()
			wait(t, "turn", gone)
			settle(t, v)
			if bytes.Contains(p.wrote, []byte("after")) && len(p.wrote) < part*parts {
				t.Errorf("after %d bytes of %d came what was queued after them", len(p.wrote), part*parts)
			}
			if want := part*parts + len("after") - len(p.wrote) + p.held; closed != 1 || c.Pending() != want {
				t.Errorf("closed %d times, with %d bytes lost, want %d", closed, c.Pending(), want)
			}
		})
	}
}
