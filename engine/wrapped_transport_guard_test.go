package engine

import (
	"errors"
	"io"
	"math"
	"net"
	"runtime"
	"testing"
	"time"
)

// faulty is a transport around another one that has a fault in one method.
type faulty struct {
	Transport
	sink  Sink
	in    string
	fault func()
}

func (f *faulty) hit(method string) {
	if method == f.in {
		f.fault()
	}
}

func (f *faulty) Open(s Sink) { f.sink = s; f.hit("Open"); f.Transport.Open(f) }
func (f *faulty) Pump() bool  { f.hit("Pump"); return f.Transport.Pump() }
func (f *faulty) Write(b *Buffer) error {
	defer f.hit("Write") // when the buffer is with the inner one
	return f.Transport.Write(b)
}
func (f *faulty) Buffered() int         { f.hit("Buffered"); return f.Transport.Buffered() }
func (f *faulty) CloseWrite() error     { f.hit("CloseWrite"); return f.Transport.CloseWrite() }
func (f *faulty) Close()                { f.hit("Close"); f.Transport.Close() }
func (f *faulty) Received(b []byte) int { f.hit("Received"); return f.sink.Received(b) }
func (f *faulty) Ended(err error)       { f.hit("Ended"); f.sink.Ended(err) }
func (f *faulty) Wake(on *Loop)         { f.hit("Wake"); f.sink.Wake(on) }
func (f *faulty) Loop() *Loop           { f.hit("Loop"); return f.sink.Loop() }

// A fault of a Wrapper's transport ends its conn, with the socket below it, and
// nothing else.
func TestFaultsOfAWrappersTransport(t *testing.T) {
	for _, method := range []string{"Open", "Pump", "Write", "Buffered", "CloseWrite", "Close", "Received", "Ended", "Wake"} {
		for name, fault := range map[string]func(){"panic": ouch, "Goexit": runtime.Goexit} {
			t.Run(method+" "+name, func(t *testing.T) {
				r := start(t, nil)
				other := serve(t, r, &hooks{received: echo})
				closed := make(chan error, 10)
				calls := 0
				h := &wrapping{
					hooks: hooks{
						received: func(c *Conn, b []byte) int {
							if calls++; calls == 1 {
								return 0 // it is held, and comes by Pump
							}
							if method == "CloseWrite" || method == "Close" {
								c.Finish(patience)
							}
							return echo(c, b)
						},
						closed: func(_ *Conn, err error) { closed <- err },
					},
					wrap: func(_ *Conn, inner Transport) Transport {
						return &faulty{Transport: inner, in: method, fault: fault}
					},
				}
				ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
				if err != nil {
					t.Fatal(err)
				}
				nc := dial(t, ln)
				nc.SetDeadline(time.Now().Add(patience))
				io.WriteString(nc, "x")
				if method == "Ended" || method == "Close" {
					nc.Read(make([]byte, 1))
					nc.(*net.TCPConn).CloseWrite()
				}
				if _, err := io.Copy(io.Discard, nc); isTimeout(err) {
					t.Error("the socket was left open")
				}
				got := wait(t, "close", closed)
				var pe *PanicError
				switch {
				case method == "Close": // the conn has ended by then
					if got != nil {
						t.Errorf("closed because of %v", got)
					}
				case name == "Goexit" && got != ErrGoexit:
					t.Errorf("closed because of %v, want ErrGoexit", got)
				case name == "panic" && (!errors.As(got, &pe) || pe.Value != "ouch"):
					t.Errorf("closed because of %v, want the panic", got)
				}
				exchange(t, other, "served")
				if n := r.Conns(); n != 1 || len(closed) != 0 {
					t.Errorf("%d conns are open, and Closed came %d times more", n, len(closed))
				}
			})
		}
	}
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// What a Wrapper's transport returns is taken for what it can mean.
func TestWrappersTransportBeyondReason(t *testing.T) {
	r := start(t, nil)
	calls := 0
	nc := serveWith(t, r, &wrapping{
		hooks: hooks{received: echo},
		wrap: func(_ *Conn, inner Transport) Transport {
			return &odd{faulty: faulty{Transport: inner}, calls: &calls}
		},
	})
	exchange(t, nc, "taken in the end")
}

// odd returns what no transport may.
type odd struct {
	faulty
	calls *int
}

func (o *odd) Open(s Sink)   { o.sink = s; o.Transport.Open(o) }
func (o *odd) Buffered() int { return math.MinInt / 2 }
func (o *odd) Received(b []byte) int {
	if *o.calls++; *o.calls < 3 {
		return -1
	}
	return o.sink.Received(b) + math.MaxInt/2
}

// The handler's Goexit is none of the transport around it: what it says at the
// end is said.
func TestGoexitInAWrappedHandler(t *testing.T) {
	r := start(t, nil)
	closed := make(chan error, 1)
	nc := serveWith(t, r, &wrapping{
		hooks: hooks{
			received: func(c *Conn, b []byte) int {
				echo(c, b)
				defer c.Finish(patience)
				runtime.Goexit()
				return 0
			},
			closed: func(_ *Conn, err error) { closed <- err },
		},
		wrap: func(_ *Conn, inner Transport) Transport { return &faulty{Transport: inner} },
	})
	exchange(t, nc, "last words")
	nc.Close()
	if err := wait(t, "close", closed); err != nil {
		t.Errorf("closed because of %v", err)
	}
}

func serveWith(t *testing.T, r *Reactor, h Handler) net.Conn {
	t.Helper()
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
	if err != nil {
		t.Fatal(err)
	}
	return dial(t, ln)
}
