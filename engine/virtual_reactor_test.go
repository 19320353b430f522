package engine

import (
	"errors"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// loopback is the simplest transport: what is written comes back.
type loopback struct {
	sink Sink
	pool *Pool
	held []*Buffer
}

func (p *loopback) Open(s Sink) { p.sink = s }
func (p *loopback) Pump() bool {
	if len(p.held) == 0 {
		return false
	}
	b := p.held[0]
	p.held = p.held[1:]
	p.sink.Received(b.B)
	p.pool.Put(b)
	return len(p.held) > 0
}
func (p *loopback) Write(b *Buffer) error {
	p.held = append(p.held, b)
	p.sink.Wake(p.sink.Loop())
	return nil
}
func (p *loopback) Buffered() int     { return 0 }
func (p *loopback) CloseWrite() error { return nil }
func (p *loopback) Close() {
	for _, b := range p.held {
		p.pool.Put(b)
	}
}

func TestVirtual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(nil)
		r := v.Reactor()
		var got []string
		h := &hooks{
			opened:   func(c *Conn) { c.SetDeadline(c.Loop().Now() + 5*time.Second) },
			received: func(c *Conn, b []byte) int { got = append(got, string(b)); return len(b) },
			expired:  func(c *Conn) { got = append(got, "expired") },
			closed:   func(c *Conn, err error) { got = append(got, "closed") },
		}
		c := new(Conn)
		if err := r.Attach(&loopback{pool: r.Buffers()}, c, h, nil); err != nil {
			t.Fatal(err)
		}
		r.After(2*time.Second, func() { c.Queue([]byte("timer")) })
		r.Post(func() {
			c.Queue([]byte("posted"))
			if !r.OnLoop() {
				t.Error("not on the loop")
			}
		})
		if !v.Settle(100) {
			t.Fatal("it does not settle")
		}
		for range 100 {
			d, ok := v.Next()
			if !ok || r.Loops()[0].Time() > 6*time.Second {
				break
			}
			v.Advance(d)
			v.Settle(100)
		}
		c.Abort(nil)
		v.Settle(100)
		want := []string{"posted", "timer", "expired", "closed"}
		if len(got) != len(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("event %d is %q, want %q", i, got[i], want[i])
			}
		}
		v.Close()
		if n := r.Buffers().Out(); n != 0 {
			t.Errorf("%d buffers are left", n)
		}
	})
}

// A conn that is attached while its loop closes is refused, not forgotten: its
// other side waits for the end of the transport.
func TestAttachToALoopThatCloses(t *testing.T) {
	v := NewVirtual(nil)
	r := v.Reactor()
	late := &loopback{pool: r.Buffers(), held: []*Buffer{r.Buffers().Get()}}
	h := &hooks{closed: func(*Conn, error) {
		quiet := &hooks{opened: func(*Conn) { t.Error("it was opened") }}
		if err := r.Attach(late, new(Conn), quiet, nil); err != nil {
			t.Error(err)
		}
	}}
	if err := r.Attach(&loopback{pool: r.Buffers()}, new(Conn), h, nil); err != nil {
		t.Fatal(err)
	}
	v.Settle(10)
	v.Close()
	if n, out := r.Conns(), r.Buffers().Out(); n != 0 || out != 0 {
		t.Errorf("%d conns are counted and %d buffers are out at the end", n, out)
	}
}

func TestVirtualHasNoSockets(t *testing.T) {
	v := NewVirtual(nil)
	defer v.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if err := v.Reactor().Dial(t.Context(), "tcp", ln.Addr().String(), new(Conn), &hooks{}); !errors.Is(err, ErrVirtual) {
		t.Errorf("Dial: %v", err)
	}
	if n := v.Reactor().Conns(); n != 0 {
		t.Errorf("%d conns", n)
	}
}

// Calls that wait for loops do not wait for the only goroutine there is: in the
// bubble that would be a deadlock.
func TestVirtualWaitsForNoLoop(t *testing.T) {
	for name, call := range map[string]func(v *Virtual){
		"Stop":            func(v *Virtual) { v.r.Stop() },
		"Stop, Stop":      func(v *Virtual) { v.r.Stop(); v.r.Stop() },
		"Stop, Step":      func(v *Virtual) { v.r.Stop(); v.Step(0) },
		"Stop, Close":     func(v *Virtual) { v.r.Stop(); v.Close() },
		"Stop in a turn":  func(v *Virtual) { v.r.Post(func() { v.r.Stop() }); v.Step(0); v.Step(0) },
		"Close in a turn": func(v *Virtual) { v.r.Post(func() { v.Close() }); v.Step(0); v.Step(0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := virtual(t, nil)
				ran := 0
				v.r.Post(func() { ran++ })
				settle(t, v)
				v.r.Post(func() {}) // there is something to do
				call(v)
				if ran != 1 {
					t.Errorf("%d callbacks", ran)
				}
			})
		})
	}
}

// Close in a callback waits for the end of the turn: nothing else of the loop is
// called meanwhile.
func TestVirtualCloseInACallback(t *testing.T) {
	v := virtual(t, nil)
	inside, closed := false, make(chan bool, 1)
	attachFake(t, v.r, &fakeTransport{}, &hooks{closed: func(*Conn, error) { closed <- inside }})
	settle(t, v)
	v.r.Post(func() {
		inside = true // what closes the loop is raced with, if it does not wait
		v.Close()
		for range 1000 {
			runtime.Gosched()
		}
		inside = false
	})
	settle(t, v)
	if wait(t, "end", closed) {
		t.Error("Closed was called while another callback was under way")
	}
	<-v.r.Done()
}
