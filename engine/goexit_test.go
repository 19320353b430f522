package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

// crowd is conns that echo, and go on checking what they get until they are
// told to stop.
type crowd struct {
	stop chan struct{}
	work sync.WaitGroup
}

func gather(t *testing.T, r *Reactor, n int) *crowd {
	t.Helper()
	ln := listen(t, r, &hooks{received: echo, closed: func(_ *Conn, err error) {
		if err != io.EOF && !errors.Is(err, ErrClosed) && err != nil {
			t.Errorf("one of the others was lost because of %v", err)
		}
	}})
	k := &crowd{stop: make(chan struct{})}
	var once sync.WaitGroup
	for i := range n {
		nc := dial(t, ln)
		nc.SetDeadline(time.Now().Add(patience))
		once.Add(1)
		k.work.Go(func() {
			rnd := rand.New(rand.NewSource(int64(i)))
			for rounds := 0; ; rounds++ {
				if rounds == 1 {
					once.Done()
				}
				select {
				case <-k.stop:
					if rounds > 0 {
						return
					}
				default:
				}
				msg := make([]byte, 1+rnd.Intn(20_000))
				rnd.Read(msg)
				if _, err := nc.Write(msg); err != nil {
					t.Error(err)
					return
				}
				got := make([]byte, len(msg))
				if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, msg) {
					t.Errorf("round %d of conn %d came back otherwise: %v", rounds, i, err)
					return
				}
			}
		})
	}
	once.Wait()
	return k
}

func (k *crowd) disperse() {
	close(k.stop)
	k.work.Wait()
}

// exiting is a Handler that can call Goexit in Wrap, too.
type exiting struct {
	hooks
	wrap func()
}

func (e *exiting) Wrap(_ *Conn, inner Transport) Transport {
	if e.wrap != nil {
		e.wrap()
	}
	return inner
}

func TestGoexitEndsOneConnOnly(t *testing.T) {
	exit := func(*Conn) { runtime.Goexit() }
	for name, test := range map[string]struct {
		set  func(e *exiting)
		want error
	}{
		"Wrap":   {func(e *exiting) { e.wrap = runtime.Goexit }, ErrGoexit},
		"Opened": {func(e *exiting) { e.opened = exit }, ErrGoexit},
		"Received": {func(e *exiting) {
			e.received = func(*Conn, []byte) int { runtime.Goexit(); return 0 }
		}, ErrGoexit},
		"Received, held": {func(e *exiting) {
			seen := 0
			e.received = func(*Conn, []byte) int {
				if seen++; seen == 3 {
					runtime.Goexit()
				}
				return 0
			}
		}, ErrGoexit},
		"Received, with last words": {func(e *exiting) {
			e.received = func(c *Conn, _ []byte) int {
				defer c.Finish(patience)
				runtime.Goexit()
				return 0
			}
		}, nil},
		"Expired": {func(e *exiting) {
			e.opened = func(c *Conn) { c.SetDeadline(1) }
			e.expired = exit
		}, ErrGoexit},
		"Closed": {func(e *exiting) {
			e.received = func(c *Conn, _ []byte) int { c.Abort(io.ErrShortWrite); return 0 }
		}, io.ErrShortWrite},
		"a locked thread": {func(e *exiting) {
			e.received = func(*Conn, []byte) int { runtime.LockOSThread(); runtime.Goexit(); return 0 }
		}, ErrGoexit},
		"a panic on top": {func(e *exiting) {
			e.received = func(*Conn, []byte) int {
				defer panic("on top")
				runtime.Goexit()
				return 0
			}
		}, &PanicError{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			others := gather(t, r, 5)
			closed := make(chan error, 10)
			e := &exiting{}
			test.set(e)
			e.closed = func(_ *Conn, err error) {
				closed <- err
				if name == "Closed" {
					runtime.Goexit()
				}
			}
			ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), e })
			if err != nil {
				t.Fatal(err)
			}
			nc := dial(t, ln)
			nc.SetDeadline(time.Now().Add(patience))
			io.WriteString(nc, "anything")
			if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			nc.Close()
			got := wait(t, "close", closed)
			if _, ok := test.want.(*PanicError); ok {
				var p *PanicError
				if !errors.As(got, &p) {
					t.Errorf("closed because of %v", got)
				}
			} else if got != test.want {
				t.Errorf("closed because of %v, want %v", got, test.want)
			}
			others.disperse()
			if n := len(closed); n > 0 {
				t.Errorf("closed %d times more", n)
			}
		})
	}
}

// Functions posted after one that calls Goexit, timers, and what other
// goroutines queue: all of it comes, in order and once.
func TestNothingIsLostAfterGoexit(t *testing.T) {
	r := start(t, nil)
	others := gather(t, r, 5)
	l := r.Loops()[0]
	const rounds = 300

	var order []int
	ticks, after := 0, 0
	var every *Timer
	ticked := make(chan struct{})
	every = l.Every(time.Millisecond, func() {
		if ticks++; ticks == 20 {
			every.Stop()
			close(ticked)
		}
		runtime.Goexit()
	})
	posted := make(chan struct{})
	for i := range rounds {
		l.Post(func() { order = append(order, i); runtime.Goexit() })
		l.After(0, func() { after++; runtime.Goexit() })
	}
	l.Post(func() { close(posted) })
	wait(t, "post", posted)
	wait(t, "tick", ticked)

	// Each of many conns is asked for something in the same turn.
	conns := make(chan *Conn, 50)
	ln := listen(t, r, &hooks{opened: func(c *Conn) { conns <- c }})
	var far []net.Conn
	var near []*Conn
	for range cap(conns) {
		far = append(far, dial(t, ln))
		near = append(near, wait(t, "conn", conns))
	}
	for round := range 20 {
		l.Post(runtime.Goexit)
		for _, c := range near {
			c.Queue([]byte{byte(round)})
		}
	}
	for i, nc := range far {
		nc.SetDeadline(time.Now().Add(patience))
		got := make([]byte, 20)
		if _, err := io.ReadFull(nc, got); err != nil {
			t.Fatalf("conn %d: %v", i, err)
		}
		if !slices.IsSorted(got) || got[19] != 19 {
			t.Errorf("conn %d got %v", i, got)
		}
	}
	fired := make(chan bool)
	l.Post(func() { fired <- after == rounds })
	for deadline := time.Now().Add(patience); !wait(t, "count", fired); {
		if time.Now().After(deadline) {
			t.Fatal("timers are missing")
		}
		l.Post(func() { fired <- after == rounds })
	}
	for i, n := range order {
		if i != n {
			t.Fatalf("call %d came at place %d", n, i)
		}
	}
	if len(order) != rounds {
		t.Errorf("%d calls, want %d", len(order), rounds)
	}
	others.disperse()
}

// Output that waits in the poller when others call Goexit is neither lost nor
// doubled.
func TestOutputThatWaitsOutlivesGoexit(t *testing.T) {
	r := start(t, nil)
	opened := make(chan *Conn, 1)
	nc := serve(t, r, &hooks{opened: func(c *Conn) { opened <- c }})
	c := wait(t, "conn", opened)
	want := make([]byte, 6<<20)
	rand.New(rand.NewSource(1)).Read(want)
	for part := range slices.Chunk(want, 64<<10) {
		if err := c.Queue(part); err != nil {
			t.Fatal(err)
		}
		c.Loop().Post(runtime.Goexit)
	}
	nc.SetDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	for at := 0; at < len(got); {
		n, err := nc.Read(got[at:])
		if err != nil {
			t.Fatal(err)
		}
		at += n
		c.Loop().Post(runtime.Goexit)
	}
	if !bytes.Equal(got, want) {
		t.Error("the bytes differ")
	}
}

// However many there were, all that is left is what was there before.
func TestManyGoexits(t *testing.T) {
	r := start(t, nil)
	others := gather(t, r, 20)
	lost := make(chan error, 1)
	ln := listen(t, r, &hooks{
		received: func(*Conn, []byte) int { runtime.Goexit(); return 0 },
		closed:   func(_ *Conn, err error) { lost <- err },
	})
	goroutines, files := runtime.NumGoroutine(), openFiles()
	for range 100 {
		nc := dial(t, ln)
		io.WriteString(nc, "x")
		if err := wait(t, "loss", lost); err != ErrGoexit {
			t.Fatalf("lost because of %v", err)
		}
		nc.Close()
	}
	for range 1000 {
		gone := make(chan struct{})
		r.Post(func() { defer close(gone); runtime.Goexit() })
		wait(t, "end", gone)
	}
	deadline := time.Now().Add(patience)
	for runtime.NumGoroutine() > goroutines+2 || openFiles() > files+2 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d descriptors, were %d and %d",
				runtime.NumGoroutine(), openFiles(), goroutines, files)
		}
		runtime.Gosched()
	}
	others.disperse()
}

func openFiles() int {
	names, _ := os.ReadDir("/proc/self/fd")
	return len(names)
}

func TestGoexitInAnAcceptor(t *testing.T) {
	r := start(t, nil)
	var refused atomic.Bool // acceptors have goroutines of their own
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) {
		if !refused.Swap(true) {
			runtime.Goexit()
		}
		return new(Conn), &hooks{received: echo}
	})
	if err != nil {
		t.Fatal(err)
	}
	bad := dial(t, ln)
	bad.SetDeadline(time.Now().Add(patience))
	if n, err := io.Copy(io.Discard, bad); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	exchange(t, dial(t, ln), "hello")
}

// Pressure calls Goexit while the loop goes through its congested conns.
func TestGoexitInPressure(t *testing.T) {
	r := start(t, &Config{SoftPending: 1 << 20})
	const n = 8
	conns, lost := make(chan *Conn, n), make(chan error, n)
	ln := listen(t, r, &hooks{
		opened:   func(c *Conn) { conns <- c },
		pressure: func(_ *Conn, above bool) { runtime.Goexit() },
		closed:   func(_ *Conn, err error) { lost <- err },
	})
	for range n {
		dial(t, ln)
		c := wait(t, "conn", conns)
		c.Queue(make([]byte, 7<<20)) // more than the kernel takes
	}
	for range n {
		if err := wait(t, "loss", lost); err != ErrGoexit {
			t.Errorf("lost because of %v", err)
		}
	}
	exchange(t, serve(t, r, &hooks{received: echo}), "hello")
}

// Likewise, for conns that are ended in one turn, with output that does not fit.
func TestGoexitInPressureAtTheEnd(t *testing.T) {
	r := start(t, &Config{SoftPending: 1 << 20})
	const n = 8
	opened, lost := make(chan *Conn, n), make(chan error, n)
	ln := listen(t, r, &hooks{
		opened:   func(c *Conn) { opened <- c },
		pressure: func(*Conn, bool) { runtime.Goexit() },
		closed:   func(_ *Conn, err error) { lost <- err },
	})
	var conns []*Conn
	for range n {
		dial(t, ln)
		conns = append(conns, wait(t, "conn", opened))
	}
	asked := make(chan struct{})
	r.Post(func() { <-asked })
	for _, c := range conns {
		c.Queue(make([]byte, 7<<20))
		c.Abort(io.ErrShortWrite)
	}
	close(asked)
	for range n {
		wait(t, "loss", lost)
	}
}

// The deadlines of many conns come in one tick, and each Expired calls Goexit.
func TestGoexitInExpired(t *testing.T) {
	r := start(t, nil)
	const n = 20
	opened, lost := make(chan *Conn, n), make(chan error, n)
	ln := listen(t, r, &hooks{
		opened:  func(c *Conn) { opened <- c },
		expired: func(*Conn) { runtime.Goexit() },
		closed:  func(_ *Conn, err error) { lost <- err },
	})
	var conns []*Conn
	for range n {
		dial(t, ln)
		conns = append(conns, wait(t, "conn", opened))
	}
	r.Post(func() {
		for _, c := range conns {
			c.SetDeadline(c.Loop().Now() + Tick)
		}
	})
	for range n {
		if err := wait(t, "loss", lost); err != ErrGoexit {
			t.Errorf("lost because of %v", err)
		}
	}
}

func TestGoexitWhileTheReactorCloses(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, r *Reactor){
		"Close":    func(_ *testing.T, r *Reactor) { r.Close() },
		"Shutdown": func(t *testing.T, r *Reactor) { r.Shutdown(t.Context()) },
		"before it ran": func(t *testing.T, r *Reactor) {
			r.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			r := New(nil)
			if name != "before it ran" {
				if err := r.RunAsync(); err != nil {
					t.Fatal(err)
				}
			}
			const n = 10
			var opened, drained, told atomic.Int32
			ready := make(chan struct{}, n)
			for range n {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				r.Inject(ours, new(Conn), &notOpening{hooks: hooks{
					opened: func(*Conn) { opened.Add(1); ready <- struct{}{} },
					drain:  func(*Conn) { drained.Add(1); runtime.Goexit() },
					closed: func(*Conn, error) { told.Add(1); runtime.Goexit() },
				}, told: &told})
				if name != "before it ran" {
					wait(t, "conn", ready)
				}
			}
			end(t, r)
			wait(t, "end", r.Done())
			if told.Load() != n {
				t.Errorf("%d of %d were told", told.Load(), n)
			}
			if name == "Shutdown" && drained.Load() != n {
				t.Errorf("%d of %d were drained", drained.Load(), n)
			}
			if n := r.Buffers().Out(); n != 0 {
				t.Errorf("%d buffers are not back", n)
			}
		})
	}
}

// notOpening calls Goexit where it is told that it was not opened.
type notOpening struct {
	hooks
	told *atomic.Int32
}

func (n *notOpening) NotOpened(*Conn, error) { n.told.Add(1); runtime.Goexit() }

// Stop finds the loop, and Run takes it up, after a Goexit as before one.
func TestStopAfterGoexit(t *testing.T) {
	r := start(t, nil)
	nc := serve(t, r, &hooks{received: echo})
	for i := range 20 {
		r.Post(runtime.Goexit)
		r.Stop()
		if err := r.RunAsync(); err != nil {
			t.Fatal(err)
		}
		exchange(t, nc, fmt.Sprint("round ", i))
	}
	if r.OnLoop() {
		t.Error("the test is on the loop")
	}
	on := make(chan bool, 1)
	r.Post(func() { on <- r.OnLoop() })
	if !wait(t, "answer", on) {
		t.Error("the loop is not on the loop")
	}
}

// A callback that leaves its thread locked is no reason to end the process.
func TestCallbackLeavesItsThreadLocked(t *testing.T) {
	r := start(t, nil)
	nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		runtime.LockOSThread()
		return echo(c, b)
	}})
	for range 10 {
		exchange(t, nc, "hello")
	}
}

// Neither is a program that locks its own.
func TestProgramLocksItsThread(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := start(t, nil)
	nc := serve(t, r, &hooks{received: echo})
	exchange(t, nc, "one")
	r.Stop()
	r.RunAsync()
	r.Post(runtime.Goexit)
	exchange(t, nc, "two")
	r.Close()
}

// A virtual reactor's callbacks run on its caller's goroutine: that is what
// Goexit ends, and another goroutine finds everything in order.
func TestGoexitOnAVirtualReactor(t *testing.T) {
	v := NewVirtual(nil)
	defer v.Close()
	var got []string
	note := func(s string) func() { return func() { got = append(got, s) } }
	c := new(Conn)
	err := v.Reactor().Attach(&loopback{pool: v.Reactor().Buffers()}, c, &hooks{
		opened: func(*Conn) { got = append(got, "opened"); runtime.Goexit() },
		closed: func(_ *Conn, err error) { got = append(got, "closed: "+err.Error()); runtime.Goexit() },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v.Reactor().Post(note("one"))
	v.Reactor().Post(runtime.Goexit)
	v.Reactor().After(0, note("timer"))
	v.Reactor().Post(note("two"))
	ended := 0
	for done := false; !done; {
		left := make(chan struct{})
		go func() {
			defer close(left)
			v.Settle(100)
			done = true
		}()
		<-left
		ended++
	}
	if ended != 4 {
		t.Errorf("it took %d goroutines, want 4", ended)
	}
	want := []string{"opened", "closed: " + ErrGoexit.Error(), "one", "two", "timer"}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if err := c.Queue([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
