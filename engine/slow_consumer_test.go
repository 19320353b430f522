package engine

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

// What Pressure does comes after all that was queued before, and a fault in it
// leaves no hole: the handler's last words are the last.
func TestFaultsInPressureLeaveNoHole(t *testing.T) {
	for name, fault := range map[string]func(){"panic": func() { panic("oh") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Config{SoftPending: 1 << 10, MaxPending: 8 << 20})
			closed, said := make(chan error, 1), make(chan struct{})
			failing := true
			h := apologetic{&hooks{
				pressure: func(*Conn, bool) {
					if failing {
						failing = false
						fault()
					}
				},
				closed: func(_ *Conn, err error) { closed <- err },
			}, func(c *Conn, _ error) {
				out := c.LastOut()
				out.B = append(out.B, "sorry"...)
				c.Finish(patience)
				close(said)
			}}
			p := &fakeTransport{stuck: true}
			c := attachFake(t, r, p, h)
			var want []byte
			r.Post(func() {
				for i := range 40 { // several chunks
					b := bytes.Repeat([]byte{byte('A' + i)}, 10_000)
					want = append(want, b...)
					if err := c.Queue(b); err != nil {
						t.Error(err)
					}
				}
			})
			wait(t, "last words", said)
			got := make(chan []byte, 1)
			r.Post(func() { // after the turn that sends them
				r.Post(func() {
					got <- bytes.Clone(p.wrote)
					p.stuck, p.held = false, 0
				})
			})
			if b := wait(t, "what was written", got); !bytes.Equal(b, append(want, "sorry"...)) {
				t.Errorf("%d bytes were written, want %d and the last words", len(b), len(want))
			}
			c.Abort(nil)
			wait(t, "the end", closed)
		})
	}
}

// A fault that Pressure would have while a conn is being aborted does not keep
// the conn: it ends at once, for the reason that Abort was given.
func TestFaultsInPressureDoNotOutdoAnAbort(t *testing.T) {
	for name, fault := range map[string]func(){"panic": func() { panic("oh") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			r := start(t, &Config{SoftPending: 1 << 10})
			closed := make(chan error, 1)
			h := apologetic{&hooks{
				pressure: func(*Conn, bool) { fault() },
				closed:   func(_ *Conn, err error) { closed <- err },
			}, func(c *Conn, _ error) { c.Finish(time.Second) }}
			c := attachFake(t, r, &fakeTransport{stuck: true}, h)
			r.Post(func() {
				c.Queue(make([]byte, 1<<20))
				c.Abort(io.ErrShortWrite)
			})
			if err := wait(t, "the end", closed); err != io.ErrShortWrite {
				t.Errorf("ended for %v, want %v", err, io.ErrShortWrite)
			}
		})
	}
}

// A Goexit in Pressure while a share of input waits for another does not give
// that input to the next conn that ends.
func TestGoexitInPressureKeepsInputApart(t *testing.T) {
	r := start(t, &Config{SoftPending: 1, MaxPending: 64 << 20})
	ended, got := make(chan error, 2), make(chan string, 1)
	first := &hooks{
		received: func(c *Conn, b []byte) int {
			if out := c.Out(); out != nil {
				out.B = append(out.B, make([]byte, 8<<20)...)
			}
			return 1
		},
		pressure: func(*Conn, bool) { runtime.Goexit() },
		closed:   func(_ *Conn, err error) { ended <- err },
	}
	opened := make(chan struct{})
	second := &hooks{
		opened:   func(*Conn) { close(opened) },
		received: func(_ *Conn, b []byte) int { got <- string(b); return len(b) },
		closed:   func(_ *Conn, err error) { ended <- err },
	}
	silent := serve(t, r, second)
	wait(t, "the second conn", opened)
	serve(t, r, first).Write([]byte("x-secret"))
	wait(t, "the first conn's end", ended)
	silent.Close()
	wait(t, "the second conn's end", ended)
	if len(got) > 0 {
		t.Errorf("a conn that was sent nothing received %q", <-got)
	}
}

// endingTransport is a Wrapper's transport that is told of the end.
type endingTransport struct {
	Transport
	Sink
	ended func()
}

func (e *endingTransport) Open(s Sink) { e.Sink = s; e.Transport.Open(e) }
func (e *endingTransport) Ended(err error) {
	e.ended()
	e.Sink.Ended(err)
}

// A Wrapper's transport that calls Goexit when it is told of an end that a write
// met keeps neither the descriptor nor the buffer: start looks for both.
func TestGoexitAtAnEndThatAWriteMeets(t *testing.T) {
	r := start(t, nil)
	opened, closed := make(chan *Conn, 1), make(chan error, 1)
	h := &wrapping{
		hooks: hooks{opened: func(c *Conn) { opened <- c }, closed: func(_ *Conn, err error) { closed <- err }},
		wrap: func(_ *Conn, inner Transport) Transport {
			return &endingTransport{Transport: inner, ended: runtime.Goexit}
		},
	}
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
	if err != nil {
		t.Fatal(err)
	}
	nc := dial(t, ln)
	c := wait(t, "conn", opened)
	r.Post(func() {
		nc.(*net.TCPConn).SetLinger(0)
		nc.Close() // over loopback the reset has come when it returns
		out := c.Out()
		out.B = append(out.B, "hello"...)
	})
	wait(t, "the end", closed)
}
