package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

// polled is a reactor whose callbacks run in Poll, for a test on whose goroutine
// they do.
func newPolled(t *testing.T, cfg Config) *Reactor {
	t.Helper()
	leak.Check(t)
	cfg.OnCaller = true
	r := New(&cfg)
	t.Cleanup(func() { r.Close() })
	return r
}

// pollUntil polls until ok, or fails the test.
func pollUntil(t *testing.T, r *Reactor, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !ok() {
		if _, err := r.Poll(ctx); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !ok() {
			if err := r.WaitDue(ctx); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
}

// Everything runs in Poll, on the goroutine and the thread that call it, and
// nothing between two Polls.
func TestPollRunsEverythingHere(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := newPolled(t, Config{})
	here, thread := goid(), threadID()
	polling := false
	seen := make(map[string]int)
	saw := func(what string) {
		seen[what]++
		if goid() != here || threadID() != thread {
			t.Errorf("%s was called elsewhere", what)
		}
		if !r.OnLoop() {
			t.Errorf("OnLoop is false in %s", what)
		}
		if !polling {
			t.Errorf("%s was called between two Polls", what)
		}
	}
	h := func(name string) *hooks {
		return &hooks{
			opened:   func(c *Conn) { saw(name + " opened"); c.SetDeadline(1) },
			received: func(c *Conn, b []byte) int { saw(name + " received"); return echo(c, b) },
			expired:  func(c *Conn) { saw(name + " expired") },
			closed:   func(*Conn, error) { saw(name + " closed") },
		}
	}
	ln := listen(t, r, h("socket"))
	nc := dial(t, ln)
	io.WriteString(nc, "hello")
	near, far := net.Pipe()
	if err := r.Inject(near, new(Conn), h("pipe")); err != nil {
		t.Fatal(err)
	}
	go io.WriteString(far, "hello")
	left := []byte("x")
	p := &fakeTransport{}
	p.pump = func() bool { left = left[p.sink.Received(left):]; return false }
	ph := h("attached")
	opened := ph.opened
	ph.opened = func(c *Conn) { opened(c); c.sink().Wake(c.Loop()) }
	plugged := attachFake(t, r, p, ph)
	r.Post(func() { saw("post") })
	r.After(0, func() { saw("timer") })
	every := r.Every(time.Millisecond, func() { saw("every") })

	poll := func(what string, wants ...string) {
		t.Helper()
		polling = true
		pollUntil(t, r, what, func() bool {
			for _, want := range wants {
				if seen[want] == 0 {
					return false
				}
			}
			return true
		})
		polling = false
	}
	poll("first events", "socket received", "pipe received", "attached received", "post", "timer", "every",
		"socket expired", "pipe expired", "attached expired")
	nc.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(nc, make([]byte, 5)); err != nil {
		t.Errorf("the answer: %v", err)
	}

	// Nothing between the two, whatever comes.
	io.WriteString(nc, "again")
	r.Post(func() { saw("post") })
	r.After(0, func() { saw("timer") })
	// By the time that another reactor's own loop has done the same, one of r's
	// would have called too.
	other, ticks := start(t, nil), make(chan struct{}, 3)
	exchange(t, serve(t, other, &hooks{received: echo}), "again")
	otherTimer := other.Every(time.Millisecond, func() {
		select {
		case ticks <- struct{}{}:
		default:
		}
	})
	for range cap(ticks) {
		wait(t, "tick", ticks)
	}
	otherTimer.Stop()
	every.Stop()
	clear(seen)
	poll("what came meanwhile", "socket received", "post", "timer")

	nc.Close()
	far.Close()
	plugged.Abort(nil)
	poll("ends", "socket closed", "pipe closed", "attached closed")
}

// While nobody polls nothing is read: the kernel's buffers fill.
func TestOtherSidesWaitBetweenPolls(t *testing.T) {
	r := newPolled(t, Config{})
	got := 0
	nc := serve(t, r, &hooks{received: func(_ *Conn, b []byte) int { got += len(b); return len(b) }})
	pollUntil(t, r, "conn", func() bool { return r.Conns() == 1 && len(r.loops[0].conns) == 1 })
	sent, chunk := 0, make([]byte, 64<<10)
	nc.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	for sent < 64<<20 {
		n, err := nc.Write(chunk)
		if sent += n; err != nil {
			break
		}
	}
	if sent >= 64<<20 || got != 0 {
		t.Errorf("%d bytes were taken, and %d handled, while nobody polled", sent, got)
	}
	pollUntil(t, r, "input", func() bool { return got == sent })
}

// A Poll comes to its end even if there is always more to do.
func TestPollHasABudget(t *testing.T) {
	r := newPolled(t, Config{})
	calls := 0
	var again func()
	again = func() { calls++; r.Post(again) }
	r.Post(again)
	for range 3 {
		before := calls
		more, err := r.Poll(t.Context())
		if !more || err != nil || calls == before {
			t.Fatalf("Poll made %d calls: %v, %v", calls-before, more, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.Post(cancel)
	for ctx.Err() == nil {
		if _, err := r.Poll(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if more, err := r.Poll(ctx); !more || !errors.Is(err, context.Canceled) {
		t.Errorf("Poll with a context that is done: %v, %v", more, err)
	}
}

// Where Poll cannot work, or would wait for itself, it says so.
func TestPollIsRefused(t *testing.T) {
	ctx := t.Context()
	poll := func(r *Reactor) error { _, err := r.Poll(ctx); return err }
	for name, calls := range map[string]func(r *Reactor) error{
		"Poll":    poll,
		"WaitDue": func(r *Reactor) error { return r.WaitDue(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			r := New(nil)
			defer r.Close()
			if err := calls(r); err != ErrNotOnCaller {
				t.Errorf("without OnCaller: %v", err)
			}
			r = newPolled(t, Config{})
			r.Post(func() {
				if err := calls(r); err != ErrOnLoop {
					t.Errorf("in a callback: %v", err)
				}
				if err := r.Run(); err != ErrOnLoop {
					t.Errorf("Run in a callback: %v", err)
				}
				elsewhere := make(chan error)
				go func() { elsewhere <- calls(r) }()
				if err := <-elsewhere; err != ErrRunning {
					t.Errorf("while another goroutine polls: %v", err)
				}
			})
			if err := poll(r); err != nil {
				t.Fatal(err)
			}
			for what, call := range map[string]func() error{
				"Dial": func() error { return r.Dial(ctx, "tcp", "127.0.0.1:1", new(Conn), &hooks{}) },
				"Call": func() error { return r.loops[0].Call(ctx, func() {}) },
			} {
				if err := call(); err != ErrOnLoop {
					t.Errorf("%s between two Polls: %v", what, err)
				}
			}
			r.Post(func() { r.Stop() })
			if err := poll(r); err != nil {
				t.Errorf("the Poll that was stopped: %v", err)
			}
			if err := calls(r); err != ErrNotRunning {
				t.Errorf("after a Stop: %v", err)
			}
			if err := r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			if err := poll(r); err != nil {
				t.Errorf("running on: %v", err)
			}
			if err := r.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if err := calls(r); err != ErrClosed {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

// The goroutine that polls ends the reactor between two Polls, from a callback, or
// another goroutine does; whoever it is, conns end here.
func TestEndsOfAPolledReactor(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, r *Reactor){
		"Close":    func(_ *testing.T, r *Reactor) { r.Close() },
		"Shutdown": func(t *testing.T, r *Reactor) { r.Shutdown(t.Context()) },
		"Close of a stopped one": func(_ *testing.T, r *Reactor) {
			r.Stop()
			r.Close()
		},
		"Shutdown of a stopped one": func(t *testing.T, r *Reactor) {
			r.Stop()
			r.Shutdown(t.Context())
		},
		"Close in a callback":    func(t *testing.T, r *Reactor) { r.Post(func() { r.Close() }); pollToTheEnd(t, r) },
		"Shutdown in a callback": func(t *testing.T, r *Reactor) { r.Post(func() { r.Shutdown(t.Context()) }); pollToTheEnd(t, r) },
		"Close elsewhere":        func(t *testing.T, r *Reactor) { go r.Close(); pollToTheEnd(t, r) },
		"Shutdown elsewhere":     func(t *testing.T, r *Reactor) { go r.Shutdown(context.Background()); pollToTheEnd(t, r) },
		"Close while Run":        func(t *testing.T, r *Reactor) { go r.Close(); r.Run() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newPolled(t, Config{})
			here, closed := goid(), 0
			nc := serve(t, r, &hooks{
				closed: func(*Conn, error) {
					if closed++; goid() != here {
						t.Error("Closed was called elsewhere")
					}
				},
				drain: func(c *Conn) { c.Finish(0) },
			})
			io.WriteString(nc, "x")
			pollUntil(t, r, "conn", func() bool { return len(r.loops[0].conns) == 1 })
			end(t, r)
			wait(t, "end", r.Done())
			if closed != 1 {
				t.Errorf("Closed was called %d times", closed)
			}
		})
	}
}

func pollToTheEnd(t *testing.T, r *Reactor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, err := r.Poll(ctx)
		if err == nil {
			err = r.WaitDue(ctx)
		}
		if err == ErrClosed {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A Goexit in a callback ends the goroutine that polls, and another one goes on; a
// panic ends neither.
func TestPollOutlivesCallbacks(t *testing.T) {
	r := newPolled(t, Config{})
	ran := 0
	r.Post(func() { ran++; panic("a panic") })
	r.Post(func() { ran++; runtime.Goexit() })
	r.Post(func() { ran++ })
	ended := make(chan bool)
	go func() {
		returned := false
		defer func() { ended <- returned }()
		r.Poll(t.Context())
		returned = true
	}()
	if wait(t, "end of the goroutine", ended) {
		t.Error("Poll returned after a Goexit")
	}
	pollUntil(t, r, "what is left", func() bool { return ran == 3 })
	nc := serve(t, r, &hooks{received: func(*Conn, []byte) int { runtime.Goexit(); return 0 }})
	io.WriteString(nc, "x")
	lost := make(chan error, 1)
	go func() {
		nc.SetReadDeadline(time.Now().Add(patience))
		_, err := nc.Read(make([]byte, 1))
		lost <- err
	}()
	go func() { defer close(ended); r.Run() }()
	wait(t, "end of the goroutine", ended)
	pollUntil(t, r, "end of the conn", func() bool { return r.Conns() == 0 })
	if err := wait(t, "end of the conn", lost); err != io.EOF && !errors.Is(err, net.ErrClosed) {
		t.Logf("the other side saw %v", err)
	}
}

// A goroutine that ends while the reactor closes leaves nothing open.
func TestGoexitWhileAPolledReactorCloses(t *testing.T) {
	r := newPolled(t, Config{})
	closed := make(chan struct{}, 2)
	for range 2 {
		attachFake(t, r, &fakeTransport{}, &hooks{closed: func(*Conn, error) { closed <- struct{}{}; runtime.Goexit() }})
	}
	go func() {
		r.Poll(t.Context())
		r.Close()
	}()
	wait(t, "end", closed)
	wait(t, "end", closed)
	wait(t, "end", r.Done())
}

// Stop from elsewhere comes back when no Poll is under way.
func TestStopOfAPolledReactor(t *testing.T) {
	r := newPolled(t, Config{})
	if _, err := r.Poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := func() error {
		stopped := make(chan error)
		go func() { stopped <- r.Stop() }()
		return wait(t, "Stop", stopped)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	ran := make(chan error)
	go func() { ran <- r.Run() }()
	called := make(chan struct{})
	r.Post(func() { close(called) })
	wait(t, "call", called)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if err := wait(t, "return of Run", ran); err != nil {
		t.Error(err)
	}
	late := false
	r.Post(func() { late = true })
	if _, err := r.Poll(t.Context()); err != ErrNotRunning || late {
		t.Errorf("Poll: %v; the function was called: %v", err, late)
	}
}

// A Run that is refused takes no Stop back.
func TestARefusedRunLeavesAStopAlone(t *testing.T) {
	r := newPolled(t, Config{})
	r.Post(func() {
		r.Stop()
		if err := r.Run(); err != ErrOnLoop {
			t.Errorf("Run in the callback that stopped: %v", err)
		}
		elsewhere := make(chan error)
		go func() { elsewhere <- r.Run() }()
		if err := <-elsewhere; err != ErrRunning {
			t.Errorf("Run beside it: %v", err)
		}
	})
	late := false
	r.Post(func() { late = true })
	for _, want := range []error{nil, ErrNotRunning} {
		if _, err := r.Poll(t.Context()); err != want {
			t.Errorf("Poll: %v, want %v", err, want)
		}
	}
	if late {
		t.Error("a function was called after Stop")
	}
}

// What is batched leaves before a Poll returns whose time was over within a round.
func TestBatchedOutputLeavesBeforePollReturns(t *testing.T) {
	r := newPolled(t, Config{PollTime: 1})
	l := r.loops[0]
	ln := listen(t, r, &hooks{received: echo})
	for range 8 {
		io.WriteString(dial(t, ln), "hello")
	}
	batched := false
	pollUntil(t, r, "conns", func() bool {
		if len(l.dirty) > 0 {
			t.Fatalf("%d conns have output", len(l.dirty))
		}
		batched = batched || l.batching.measured
		l.batching.on = true
		return len(l.conns) == 8 && l.batching.reads >= 8
	})
	if !batched {
		t.Error("nothing was batched")
	}
}

// When the loop has closed, the poller's goroutine goes on with its conns: at once if nobody
// has taken its event, and only when the event is handled if somebody has.
func TestAnEventThatIsHandledOutlastsTheEnd(t *testing.T) {
	for name, taken := range map[string]bool{"taken": true, "left": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				goOn := make(chan struct{})
				h := newHandover(nil, func() { <-goOn })
				over := false
				go func() { h.run(); over = true }()
				synctest.Wait()
				if taken {
					go func() { <-h.came; h.serve(); h.release() }()
					synctest.Wait()
				}
				h.end()
				synctest.Wait()
				if over == taken {
					t.Errorf("gone on is %t while the event was %s", over, name)
				}
				close(goOn)
				synctest.Wait()
				if !over {
					t.Error("the poller's goroutine still waits")
				}
			})
		})
	}
}
