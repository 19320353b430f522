package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
)

const patience = await.Patience

// wait returns what arrives on ch, or fails the test.
func wait[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	return await.Value(t, what, ch)
}

// eventually waits for what another goroutine is about to have done, and for
// which it gives no event.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	await.True(t, what, ok)
}

// hooks is a Handler made of functions; nil ones do nothing.
type hooks struct {
	opened   func(c *Conn)
	received func(c *Conn, b []byte) int
	expired  func(c *Conn)
	pressure func(c *Conn, above bool)
	drain    func(c *Conn)
	closed   func(c *Conn, err error)
}

func (h *hooks) Expired(c *Conn) {
	if h.expired != nil {
		h.expired(c)
	}
}

func (h *hooks) Pressure(c *Conn, above bool) {
	if h.pressure != nil {
		h.pressure(c, above)
	}
}

func (h *hooks) Opened(c *Conn) {
	if h.opened != nil {
		h.opened(c)
	}
}

func (h *hooks) Received(c *Conn, b []byte) int {
	if h.received != nil {
		return h.received(c, b)
	}
	return len(b)
}

func (h *hooks) Drain(c *Conn) {
	if h.drain != nil {
		h.drain(c)
		return
	}
	c.Finish(patience)
}

func (h *hooks) Closed(c *Conn, err error) {
	if h.closed != nil {
		h.closed(c, err)
	}
}

func echo(c *Conn, b []byte) int {
	if out := c.Out(); out != nil {
		out.B = append(out.B, b...)
	}
	return len(b)
}

// start runs a reactor until the test ends, and then looks for leaks.
func start(t *testing.T, cfg *Config) *Reactor {
	t.Helper()
	leak.Check(t)
	r := New(cfg)
	t.Cleanup(func() {
		r.Close()
		if n := r.Buffers().Out(); n != 0 {
			t.Errorf("%d buffers not back in the pool", n)
		}
	})
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	return r
}

// serve listens with h for every conn and returns a dialled socket.
func serve(t *testing.T, r *Reactor, h *hooks) net.Conn {
	t.Helper()
	ln := listen(t, r, h)
	return dial(t, ln)
}

func listen(t *testing.T, r *Reactor, h *hooks) *Listener {
	t.Helper()
	ln, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return new(Conn), h })
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func dial(t *testing.T, ln *Listener) net.Conn {
	t.Helper()
	nc, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func exchange(t *testing.T, nc net.Conn, msg string) {
	t.Helper()
	nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, msg); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(msg))
	if _, err := io.ReadFull(nc, got); err != nil {
		t.Fatal(err)
	}
	if string(got) != msg {
		t.Fatalf("got %q back, want %q", got, msg)
	}
}

func TestEcho(t *testing.T) {
	for _, network := range []string{"tcp", "tcp4", "unix"} {
		t.Run(network, func(t *testing.T) {
			r := start(t, nil)
			addr := "127.0.0.1:0"
			if network == "unix" {
				addr = filepath.Join(t.TempDir(), "s")
			}
			h := &hooks{received: echo}
			ln, err := r.Listen(network, addr, func(net.Conn) (*Conn, Handler) { return new(Conn), h })
			if err != nil {
				t.Fatal(err)
			}
			exchange(t, dial(t, ln), "hello")
			exchange(t, dial(t, ln), "again")
		})
	}
}

func TestDialBothEnds(t *testing.T) {
	r := start(t, &Config{Loops: 2})
	ln := listen(t, r, &hooks{received: echo})
	got := make(chan string, 1)
	c := new(Conn)
	h := &hooks{
		opened:   func(c *Conn) { out := c.Out(); out.B = append(out.B, "ping"...) },
		received: func(c *Conn, b []byte) int { got <- string(b); return len(b) },
	}
	if err := r.Dial(t.Context(), "tcp", ln.Addr().String(), c, h); err != nil {
		t.Fatal(err)
	}
	if s := wait(t, "answer", got); s != "ping" {
		t.Errorf("got %q", s)
	}
	if c.RemoteAddr().String() != ln.Addr().String() {
		t.Errorf("RemoteAddr() = %v, want %v", c.RemoteAddr(), ln.Addr())
	}
}

func TestDialFails(t *testing.T) {
	r := start(t, nil)
	ln := listen(t, r, &hooks{})
	addr := ln.Addr().String()
	ln.Close()
	if err := r.Dial(t.Context(), "tcp", addr, new(Conn), &hooks{}); err == nil {
		t.Error("a dial to a closed port succeeded")
	}
	if n := r.Conns(); n != 0 {
		t.Errorf("Conns() = %d after a failed dial", n)
	}
}

func TestListenRefusesOtherNetworks(t *testing.T) {
	r := New(nil)
	defer r.Close()
	if _, err := r.Listen("udp", "127.0.0.1:0", nil); err == nil {
		t.Error("Listen took udp")
	}
}

// What Queue and Out take leaves in that order, whoever called.
func TestOrderOfOutAndQueue(t *testing.T) {
	r := start(t, nil)
	nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		for i := byte(0); i < 10; i += 2 {
			out := c.Out()
			out.B = append(out.B, '0'+i)
			c.Queue([]byte{'1' + i})
		}
		return len(b)
	}})
	nc.SetDeadline(time.Now().Add(patience))
	io.WriteString(nc, "x")
	got := make([]byte, 10)
	if _, err := io.ReadFull(nc, got); err != nil {
		t.Fatal(err)
	}
	if string(got) != "0123456789" {
		t.Errorf("got %q", got)
	}
}

func TestPostIsFIFO(t *testing.T) {
	r := start(t, nil)
	const each, senders = 20000, 4
	var last [senders]int // the loop's alone
	bad := 0
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				r.Post(func() {
					if last[s] != i {
						bad++
					}
					last[s] = i + 1
				})
			}
		})
	}
	wg.Wait()
	done := make(chan int, 1)
	r.Post(func() { done <- bad })
	if n := wait(t, "last task", done); n != 0 {
		t.Errorf("%d tasks ran out of order", n)
	}
}

func TestPostThatRepostsDoesNotStarveSockets(t *testing.T) {
	r := start(t, nil)
	nc := serve(t, r, &hooks{received: echo})
	var stop atomic.Bool
	var again func()
	again = func() {
		if !stop.Load() {
			r.Post(again)
		}
	}
	for range 1000 {
		r.Post(again)
	}
	defer stop.Store(true)
	for range 100 {
		exchange(t, nc, "served meanwhile")
	}
}

func TestTimers(t *testing.T) {
	r := start(t, nil)
	order := make(chan int, 3)
	r.After(30*time.Millisecond, func() { order <- 3 })
	r.After(10*time.Millisecond, func() { order <- 1 })
	cancelled := r.After(15*time.Millisecond, func() { order <- 0 })
	r.After(20*time.Millisecond, func() { order <- 2 })
	if !cancelled.Stop() {
		t.Error("Stop() = false for a timer that had not fired")
	}
	for want := 1; want <= 3; want++ {
		if got := wait(t, "timer", order); got != want {
			t.Fatalf("timer %d fired, want %d", got, want)
		}
	}
	if cancelled.Stop() {
		t.Error("Stop() = true twice")
	}
}

func TestEveryStopsItself(t *testing.T) {
	r := start(t, nil)
	calls, done := 0, make(chan struct{})
	var tick *Timer
	r.Post(func() {
		tick = r.Every(time.Millisecond, func() {
			if calls++; calls == 5 {
				tick.Stop()
				r.After(20*time.Millisecond, func() { close(done) })
			}
		})
	})
	wait(t, "end", done)
	if calls != 5 {
		t.Errorf("%d calls, want 5", calls)
	}
}

func TestOffload(t *testing.T) {
	r := start(t, nil)
	type result struct {
		v      int
		err    error
		onLoop bool
	}
	got := make(chan result, 1)
	done := func(v int, err error) { got <- result{v, err, r.OnLoop()} }
	l := r.Loops()[0]
	Offload(l, func() (int, error) { return 42, nil }, done)
	if res := wait(t, "result", got); res.v != 42 || res.err != nil || !res.onLoop {
		t.Errorf("got %+v", res)
	}
	Offload(l, func() (int, error) { panic("broken") }, done)
	var pe *PanicError
	if res := wait(t, "panic", got); !errors.As(res.err, &pe) || pe.Value != "broken" {
		t.Errorf("got %+v, want a PanicError", res)
	}
}

func TestOffloadIsBounded(t *testing.T) {
	r := start(t, &Config{Workers: 2})
	var running, most atomic.Int32
	release := make(chan struct{})
	results := make(chan struct{}, 10)
	for range 10 {
		err := Offload(r.Loops()[0], func() (struct{}, error) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-release
			running.Add(-1)
			return struct{}{}, nil
		}, func(struct{}, error) { results <- struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	for range 10 {
		wait(t, "result", results)
	}
	if most.Load() > 2 {
		t.Errorf("%d calls ran at once, bound is 2", most.Load())
	}
}

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

func TestGoexitIsReported(t *testing.T) {
	leak.Check(t)
	r := New(nil)
	closed := make(chan error, 1)
	h := &hooks{
		received: func(c *Conn, b []byte) int { runtime.Goexit(); return 0 },
		closed:   func(c *Conn, err error) { closed <- err },
	}
	ln := listen(t, r, h)
	ran := make(chan error, 1)
	go func() { ran <- r.Run() }()
	io.WriteString(dial(t, ln), "x")
	if err := wait(t, "close", closed); !errors.Is(err, ErrLoopDied) {
		t.Errorf("conn closed because of %v, want ErrLoopDied", err)
	}
	if err := wait(t, "return of Run", ran); !errors.Is(err, ErrLoopDied) {
		t.Errorf("Run returned %v, want ErrLoopDied", err)
	}
	r.Close()
}

func TestStopAndRunKeepConns(t *testing.T) {
	leak.Check(t)
	r := New(nil)
	defer r.Close()
	events := make(chan string, 100)
	h := &hooks{
		received: func(c *Conn, b []byte) int { events <- string(b); return echo(c, b) },
		closed:   func(c *Conn, err error) { events <- "closed" },
	}
	ran := make(chan error, 1)
	run := func() { ran <- r.Run() }
	ln := listen(t, r, h)
	go run()
	nc := dial(t, ln)
	exchange(t, nc, "one")
	wait(t, "input", events)

	r.Stop()
	if err := wait(t, "return of Run", ran); err != nil {
		t.Fatal(err)
	}
	ticks := make(chan struct{}, 1)
	r.After(0, func() { ticks <- struct{}{} })
	io.WriteString(nc, "two")
	late := dial(t, ln) // waits in the kernel
	io.WriteString(late, "three")
	nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	var ne net.Error
	if n, err := nc.Read(make([]byte, 1)); n != 0 || !errors.As(err, &ne) || !ne.Timeout() {
		t.Errorf("read %d bytes, %v from a stopped reactor; want a time-out", n, err)
	}
	select {
	case e := <-events:
		t.Errorf("event %q while stopped", e)
	case <-ticks:
		t.Error("a timer fired while stopped")
	default:
	}

	go run()
	got := map[string]bool{wait(t, "input", events): true, wait(t, "input", events): true}
	if !got["two"] || !got["three"] {
		t.Errorf("got %v after Run, want what was sent meanwhile", got)
	}
	wait(t, "timer", ticks)
	nc.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 3)
	if _, err := io.ReadFull(nc, b); err != nil || string(b) != "two" {
		t.Errorf("read %q, %v", b, err)
	}
	r.Close()
	wait(t, "return of Run", ran)
}

func TestStopOnLoopTakesNoFurtherInput(t *testing.T) {
	r := start(t, nil)
	handled := make(chan byte, 10)
	nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		handled <- b[0]
		if b[0] == 's' {
			r.Stop()
		}
		return 1
	}})
	io.WriteString(nc, "abs")
	for _, want := range []byte("abs") {
		if got := wait(t, "byte", handled); got != want {
			t.Fatalf("handled %c, want %c", got, want)
		}
	}
	r.Stop() // from here: waits until the loop stands
	io.WriteString(nc, "def")
	select {
	case b := <-handled:
		t.Errorf("handled %c after Stop", b)
	default:
	}
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, "byte", handled); got != 'd' {
		t.Errorf("handled %c after Run, want d", got)
	}
}

func TestShutdownSendsWhatIsPending(t *testing.T) {
	const size = 32 << 20
	leak.Check(t)
	r := New(&Config{MaxPending: 2 * size})
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	why := make(chan error, 1)
	filled := make(chan struct{})
	nc := serve(t, r, &hooks{
		opened: func(c *Conn) {
			out := c.Out()
			for i := range size >> 12 {
				out.B = append(out.B, bytes.Repeat([]byte{byte(i)}, 1<<12)...)
			}
			close(filled)
		},
		closed: func(c *Conn, err error) { why <- err },
	})
	wait(t, "output", filled)
	down := make(chan error, 1)
	go func() { down <- r.Shutdown(t.Context()) }()
	buf := make([]byte, 64<<10)
	total := 0
	nc.SetDeadline(time.Now().Add(6 * patience))
	for {
		n, err := nc.Read(buf[:1+total%len(buf)]) // slow: odd little pieces
		if n > 0 && (buf[0] != byte(total>>12) || buf[n-1] != byte((total+n-1)>>12)) {
			t.Fatalf("bytes %d to %d are wrong", total, total+n)
		}
		total += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("after %d bytes: %v", total, err)
		}
	}
	if total != size {
		t.Errorf("%d bytes arrived, want %d", total, size)
	}
	nc.Close()
	if err := wait(t, "shutdown", down); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := wait(t, "close", why); err != nil {
		t.Errorf("closed because of %v, want an end in order", err)
	}
}

func TestShutdownTellsWhatWasLost(t *testing.T) {
	leak.Check(t)
	const size = 16 << 20
	r := New(&Config{MaxPending: 2 * size})
	r.RunAsync()
	filled := make(chan struct{})
	serve(t, r, &hooks{opened: func(c *Conn) {
		out := c.Out()
		out.B = append(out.B, make([]byte, size)...)
		close(filled)
	}})
	wait(t, "output", filled)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var se *ShutdownError
	if err := r.Shutdown(ctx); !errors.As(err, &se) || se.Conns != 1 || se.Bytes == 0 || se.Bytes > size {
		t.Errorf("Shutdown returned %v, want a ShutdownError for one conn", err)
	}
}

func TestSlowConsumerIsEnded(t *testing.T) {
	const bound = 1 << 20
	r := start(t, &Config{MaxPending: bound})
	why := make(chan error, 1)
	conns := make(chan *Conn, 1)
	serve(t, r, &hooks{
		opened: func(c *Conn) { conns <- c },
		closed: func(c *Conn, err error) { why <- err },
	})
	c := wait(t, "conn", conns)
	chunk := make([]byte, 64<<10)
	for range 1 << 16 {
		if err := c.Queue(chunk); err != nil {
			if !errors.Is(err, ErrBackpressure) {
				t.Errorf("Queue: %v", err)
			}
			break
		}
		if n := c.Pending(); n > bound {
			t.Fatalf("%d bytes pending, bound is %d", n, bound)
		}
	}
	c.Abort(ErrSlowConsumer)
	if err := wait(t, "close", why); !errors.Is(err, ErrSlowConsumer) {
		t.Errorf("closed because of %v, want ErrSlowConsumer", err)
	}
	if err := c.Queue(chunk); err == nil {
		t.Error("Queue took more for a conn that has ended")
	}
}

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

func TestCloseFromEveryCallback(t *testing.T) {
	calls := map[string]func(r *Reactor){
		"Stop":     func(r *Reactor) { r.Stop(); r.Stop() },
		"Close":    func(r *Reactor) { r.Close(); r.Close() },
		"Shutdown": func(r *Reactor) { r.Shutdown(context.Background()); r.Close() },
	}
	for name, call := range calls {
		for _, at := range []string{"opened", "received", "closed", "drain", "post", "timer"} {
			t.Run(name+" in "+at, func(t *testing.T) {
				leak.Check(t)
				r := New(nil)
				r.RunAsync()
				did := make(chan struct{}, 100)
				do := func(here string) {
					if here == at {
						call(r)
						did <- struct{}{}
					}
				}
				h := &hooks{
					opened:   func(c *Conn) { do("opened") },
					received: func(c *Conn, b []byte) int { do("received"); return echo(c, b) },
					closed:   func(c *Conn, err error) { do("closed") },
					drain:    func(c *Conn) { do("drain"); c.Finish(0) },
				}
				nc := serve(t, r, h)
				io.WriteString(nc, "x")
				switch at {
				case "closed":
					nc.Close()
				case "drain":
					nc.SetDeadline(time.Now().Add(patience))
					if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil { // the conn is open
						t.Fatal(err)
					}
					go r.Shutdown(context.Background())
				case "post":
					r.Post(func() { do("post") })
				case "timer":
					r.After(0, func() { do("timer") })
				}
				wait(t, "call", did)
				closed := make(chan struct{})
				go func() { r.Close(); close(closed) }()
				wait(t, "end", closed)
				wait(t, "end", r.Done())
			})
		}
	}
}

func TestEndsRaceEachOther(t *testing.T) {
	leak.Check(t)
	for range 20 {
		r := New(&Config{Loops: 2})
		r.RunAsync()
		ln := listen(t, r, &hooks{received: echo})
		for range 4 {
			go io.WriteString(dial(t, ln), "traffic")
		}
		var wg sync.WaitGroup
		for _, f := range []func(){
			r.Stop, func() { r.Close() }, func() { r.Shutdown(t.Context()) },
			func() { r.RunAsync() }, r.Stop, func() { ln.Close() },
			func() { r.Dial(t.Context(), "tcp", ln.Addr().String(), new(Conn), &hooks{}) },
		} {
			wg.Go(f)
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		wait(t, "end of all calls", done)
		wait(t, "end of the reactor", r.Done())
	}
}

func TestClosedReactorTakesNothing(t *testing.T) {
	leak.Check(t)
	r := New(nil)
	r.Close()
	if err := r.Run(); !errors.Is(err, ErrClosed) {
		t.Errorf("Run: %v", err)
	}
	if err := r.Post(func() {}); !errors.Is(err, ErrClosed) {
		t.Errorf("Post: %v", err)
	}
	if _, err := r.Listen("tcp", "127.0.0.1:0", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Listen: %v", err)
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestMaxConns(t *testing.T) {
	r := start(t, &Config{MaxConns: 2})
	ln := listen(t, r, &hooks{received: echo})
	a, b := dial(t, ln), dial(t, ln)
	exchange(t, a, "one")
	exchange(t, b, "two")
	c := dial(t, ln)
	c.SetDeadline(time.Now().Add(patience))
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from a conn over the limit", n)
	}
	a.Close()
	for {
		d := dial(t, ln)
		d.SetDeadline(time.Now().Add(patience))
		io.WriteString(d, "x")
		if _, err := d.Read(make([]byte, 1)); err == nil {
			break // there is room again
		}
	}
	exchange(t, b, "still here")
}

// A share of a turn: what the handler leaves comes again, in order, with the
// others served in between.
func TestRestComesAgain(t *testing.T) {
	r := start(t, nil)
	var got bytes.Buffer
	done := make(chan string, 1)
	const msg = "the quick brown fox jumps over the lazy dog"
	nc := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		n := min(3, len(b))
		got.Write(b[:n])
		if got.Len() == len(msg) {
			done <- got.String()
		}
		return n
	}})
	io.WriteString(nc, msg)
	if s := wait(t, "all of it", done); s != msg {
		t.Errorf("got %q", s)
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

func TestStuckLoopIsReported(t *testing.T) {
	type report struct {
		loop  int
		stack string
	}
	stuck := make(chan report, 10)
	r := start(t, &Config{
		Loops:      2,
		StuckAfter: 20 * time.Millisecond,
		OnStuck:    func(l *Loop, stack []byte) { stuck <- report{l.Index(), string(stack)} },
	})
	release := make(chan struct{})
	r.Loops()[1].Post(func() { holdUp(release) })
	got := wait(t, "report", stuck)
	if got.loop != 1 || !strings.Contains(got.stack, "holdUp") {
		t.Errorf("loop %d is reported, at\n%s", got.loop, got.stack)
	}
	done := make(chan struct{})
	r.Loops()[0].Post(func() { close(done) })
	wait(t, "task of the other loop", done)
	close(release)
	r.Loops()[1].Call(t.Context(), func() {})
	if len(stuck) > 0 {
		t.Error("reported twice")
	}
}

func holdUp(release chan struct{}) { <-release }

// Sockets are served beside 100,000 timers.
func TestManyTimers(t *testing.T) {
	r := start(t, nil)
	nc := serve(t, r, &hooks{received: echo})
	many := 100_000
	if testing.Short() {
		many /= 10
	}
	fired := 0
	done := make(chan struct{})
	for range many {
		r.After(time.Millisecond, func() {
			if fired++; fired == many {
				close(done)
			}
		})
	}
	exchange(t, nc, "served meanwhile")
	wait(t, "last timer", done)
}

// Writers that hold on to conns that have ended never reach the client that has
// the descriptor by then.
func TestOldConnsNeverReachNewSockets(t *testing.T) {
	rounds := 5000
	if testing.Short() {
		rounds = 500
	}
	r := start(t, nil)
	var mu sync.Mutex
	var old []*Conn
	tag := func(c *Conn) []byte { return fmt.Appendf(nil, "%-21s|", c.RemoteAddr()) }
	ln := listen(t, r, &hooks{opened: func(c *Conn) {
		mu.Lock()
		defer mu.Unlock()
		if old = append(old, c); len(old) > 64 {
			old = old[1:]
		}
	}})
	var stop atomic.Bool
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := w; !stop.Load(); i++ {
				mu.Lock()
				n := len(old)
				if n == 0 {
					mu.Unlock()
					runtime.Gosched()
					continue
				}
				c := old[i%n]
				mu.Unlock()
				c.Queue(tag(c))
			}
		})
	}
	defer writers.Wait()
	defer stop.Store(true)
	const dialers = 8
	foreign := make(chan string, rounds)
	var clients sync.WaitGroup
	for range dialers {
		clients.Go(func() {
			for range rounds / dialers {
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					foreign <- err.Error()
					return
				}
				mine := fmt.Appendf(nil, "%-21s|", nc.LocalAddr())
				got := make([]byte, 64*len(mine))
				nc.SetReadDeadline(time.Now().Add(time.Millisecond))
				n, _ := io.ReadAtLeast(nc, got, len(mine))
				for i := range n {
					if got[i] != mine[i%len(mine)] {
						foreign <- string(got[:n])
						break
					}
				}
				nc.(*net.TCPConn).SetLinger(0)
				nc.Close()
			}
		})
	}
	clients.Wait()
	if len(foreign) > 0 {
		t.Errorf("foreign bytes: %q", <-foreign)
	}
}
