//go:build linux

package engine

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// startInRuntime runs a reactor of one loop that waits in the runtime's poller.
func startInRuntime(t *testing.T) (*Reactor, *poller) {
	t.Helper()
	r := New(nil)
	r.WaitInRuntime()
	run(t, r)
	return r, r.drivers[0].(*poller)
}

// countedConn counts the writes to a conn.
type countedConn struct {
	net.Conn
	writes atomic.Int32
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// Who wakes a loop that waits in the runtime's poller writes to no socket for that.
func TestLoopInRuntimeIsWokenBySchedulerAlone(t *testing.T) {
	r, p := startInRuntime(t)
	l := r.Loops()[0]
	waker := &countedConn{}
	if err := l.Call(t.Context(), func() { waker.Conn, p.waker = p.waker, waker }); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		eventually(t, "the loop waits", func() bool { return p.wait.state.Load() == resting })
		before := waker.writes.Load()
		if err := l.Call(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
		if n := waker.writes.Load() - before; n != 0 {
			t.Fatalf("%d writes", n)
		}
	}
}

// two conns of one loop: while the handler of the first one has not returned, what the second one is sent
// waits for the same poll round as what follows it.
func twoConns(t *testing.T, r *Reactor) (second net.Conn, entered chan struct{}, leave func(), heard chan struct{}) {
	t.Helper()
	entered, heard = make(chan struct{}), make(chan struct{})
	left := make(chan struct{})
	first := serve(t, r, &hooks{received: func(_ *Conn, b []byte) int { close(entered); <-left; return len(b) }})
	second = serve(t, r, &hooks{received: func(_ *Conn, b []byte) int { close(heard); return len(b) }})
	write(t, first, "x")
	return second, entered, func() { close(left) }, heard
}

func write(t *testing.T, nc net.Conn, s string) {
	t.Helper()
	if _, err := nc.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

// A wake-up that gnet has in hand after a socket's input is not left lying while the loop waits.
func TestLoopInRuntimeTakesWakeUpInHand(t *testing.T) {
	r, _ := startInRuntime(t)
	second, entered, leave, heard := twoConns(t, r)
	wait(t, "the first conn's input", entered)
	write(t, second, "x")
	posted := make(chan struct{})
	if err := r.Post(func() { close(posted) }); err != nil {
		t.Fatal(err)
	}
	leave()
	wait(t, "the second conn's input", heard)
	wait(t, "the posted function", posted)
}

// So it is with gnet's own tasks: a conn that is dialled while others have input.
func TestLoopInRuntimeTakesTaskInHand(t *testing.T) {
	r, p := startInRuntime(t)
	second, entered, leave, heard := twoConns(t, r)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	wait(t, "the first conn's input", entered)
	write(t, second, "x")
	dialled := make(chan error, 1)
	go func() { dialled <- r.Dial(context.Background(), "tcp", ln.Addr().String(), new(Conn), &hooks{}) }()
	eventually(t, "gnet has a task", func() bool { return p.wait.asked.Load() > 0 })
	leave()
	wait(t, "the second conn's input", heard)
	if err := wait(t, "the dial", dialled); err != nil {
		t.Fatal(err)
	}
}

// All that a loop does, it does in the runtime's poller too: input, output, conns that come and go, posted functions,
// timers, and standing still.
func TestLoopInRuntimeDoesItsWork(t *testing.T) {
	r, p := startInRuntime(t)
	ln := listen(t, r, &hooks{received: echo})
	ticked := make(chan struct{}, 1)
	r.Every(time.Millisecond, func() {
		select {
		case ticked <- struct{}{}:
		default:
		}
	})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				nc := dial(t, ln)
				for range 20 {
					exchange(t, nc, "hello")
				}
				nc.Close()
			}
		})
		all.Go(func() {
			for range 200 {
				if err := r.Loops()[0].Call(t.Context(), func() {}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	wait(t, "a timer", ticked)
	r.Stop()
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	exchange(t, dial(t, ln), "again")
	if p.wait.failed {
		t.Error("the loop waits by itself")
	}
}
