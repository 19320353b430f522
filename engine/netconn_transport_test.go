package engine

import (
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

// watched is a net.Conn that tells when it is written to and closed.
type watched struct {
	net.Conn
	writing, closed chan struct{}
}

func watch(nc net.Conn) *watched {
	return &watched{nc, make(chan struct{}, 1000), make(chan struct{}, 10)}
}

func (c *watched) Write(b []byte) (int, error) {
	c.writing <- struct{}{}
	return c.Conn.Write(b)
}

func (c *watched) Close() error {
	c.closed <- struct{}{}
	return c.Conn.Close()
}

// tcpPair is two ends of a TCP connection.
func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	nc, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	other, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return nc.(*net.TCPConn), other.(*net.TCPConn)
}

// inject opens a conn with h over one end of a pipe and returns the other.
func inject(t *testing.T, r *Reactor, h *hooks) (*Conn, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	c := new(Conn)
	if err := r.Inject(ours, c, h); err != nil {
		t.Fatal(err)
	}
	return c, theirs
}

func TestInjectEchoes(t *testing.T) {
	r := start(t, &Config{Loops: 2})
	tcp, other := tcpPair(t)
	c := new(Conn)
	if err := r.Inject(tcp, c, &hooks{received: echo}); err != nil {
		t.Fatal(err)
	}
	exchange(t, other, "over TCP")
	if c.RemoteAddr().String() != other.LocalAddr().String() || c.LocalAddr().String() != other.RemoteAddr().String() {
		t.Errorf("addresses are %v and %v", c.LocalAddr(), c.RemoteAddr())
	}
	_, pipe := inject(t, r, &hooks{received: echo})
	exchange(t, pipe, "over a pipe")
	if n := r.Conns(); n != 2 {
		t.Errorf("Conns() = %d", n)
	}
}

func TestInjectBeforeRun(t *testing.T) {
	leak.Check(t)
	r := New(nil)
	defer r.Close()
	_, pipe := inject(t, r, &hooks{received: echo})
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	exchange(t, pipe, "hello")
}

func TestInjectRefused(t *testing.T) {
	leak.Check(t)
	r := New(&Config{MaxConns: 1})
	inject(t, r, &hooks{})
	refused := func(want error) {
		t.Helper()
		ours, theirs := net.Pipe()
		nc := watch(ours)
		if err := r.Inject(nc, new(Conn), &hooks{}); !errors.Is(err, want) {
			t.Errorf("Inject returned %v, want %v", err, want)
		}
		wait(t, "close of the refused conn", nc.closed)
		theirs.Close()
	}
	refused(ErrTooManyConns)
	r.Close()
	refused(ErrClosed)
	if n := r.Buffers().Out(); n != 0 || r.Conns() != 0 {
		t.Errorf("%d buffers and %d conns are left", n, r.Conns())
	}
}

// Whatever comes while the reactor closes is closed, and told so if it was
// opened.
func TestInjectWhileItCloses(t *testing.T) {
	leak.Check(t)
	for range 100 {
		r := New(nil)
		if err := r.RunAsync(); err != nil {
			t.Fatal(err)
		}
		var opened, closed int // the loop's
		h := &hooks{
			opened: func(*Conn) { opened++ },
			closed: func(*Conn, error) { closed++ },
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 3 {
					ours, theirs := net.Pipe()
					r.Inject(ours, new(Conn), h)
					if _, err := theirs.Read(make([]byte, 1)); err == nil {
						t.Error("read something")
					}
				}
			})
		}
		r.Close()
		wg.Wait()
		if opened != closed || r.Conns() != 0 || r.Buffers().Out() != 0 {
			t.Fatalf("%d opened, %d closed, %d conns and %d buffers left", opened, closed, r.Conns(), r.Buffers().Out())
		}
	}
}

// In a bubble, with a virtual reactor, a pipe's two ends talk, and time is what
// the test says.
func TestInjectedInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVirtual(nil)
		settle := func() {
			for synctest.Wait(); v.Pending(0); synctest.Wait() {
				v.Settle(1000)
			}
		}
		a, b := net.Pipe()
		var got []string
		closed := 0
		near, far := new(Conn), new(Conn)
		v.Reactor().Inject(a, near, &hooks{
			received: func(_ *Conn, b []byte) int { got = append(got, string(b)); return len(b) },
			closed:   func(*Conn, error) { closed++ },
		})
		v.Reactor().Inject(b, far, &hooks{received: echo, closed: func(*Conn, error) { closed++ }})
		settle()
		near.Queue([]byte("hello"))
		settle()
		if len(got) != 1 || got[0] != "hello" {
			t.Errorf("got %q", got)
		}
		near.Finish(time.Second)
		settle()
		time.Sleep(lastWords) // the bubble's
		settle()
		if closed != 2 {
			t.Errorf("%d ends were told", closed)
		}
		v.Close()
		if n := v.Reactor().Buffers().Out(); n != 0 {
			t.Errorf("%d buffers are left", n)
		}
	})
}
