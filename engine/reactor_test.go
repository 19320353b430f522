package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

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
			func() { r.Stop() }, func() { r.Close() }, func() { r.Shutdown(t.Context()) },
			func() { r.RunAsync() }, func() { r.Stop() }, func() { ln.Close() },
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
	if _, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return nil, nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("Listen: %v", err)
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// What is asked of a closed reactor is refused, and kept nowhere.
func TestClosedReactorKeepsNothing(t *testing.T) {
	for name, ask := range map[string]func(r *Reactor) error{
		"Post": func(r *Reactor) error { return r.Post(func() {}) },
		"Call": func(r *Reactor) error { return r.loops[0].Call(t.Context(), func() {}) },
		"Offload": func(r *Reactor) error {
			return Offload(r.loops[0], func() (int, error) { t.Error("work"); return 0, nil }, func(int, error) {})
		},
		"Attach": func(r *Reactor) error { return r.Attach(&fakeTransport{}, new(Conn), &hooks{}, nil) },
		"Inject": func(r *Reactor) error {
			near, _ := net.Pipe()
			return r.Inject(near, new(Conn), &hooks{})
		},
		"Dial": func(r *Reactor) error {
			return r.Dial(t.Context(), "tcp", "127.0.0.1:1", new(Conn), &hooks{})
		},
		"Listen": func(r *Reactor) error {
			_, err := r.Listen("tcp", "127.0.0.1:0", func(net.Conn) (*Conn, Handler) { return nil, nil })
			return err
		},
		"ListenFunc": func(r *Reactor) error { _, err := r.ListenFunc("tcp", "127.0.0.1:0", func(net.Conn) {}); return err },
		"Run":        func(r *Reactor) error { return r.Run() },
		"RunAsync":   func(r *Reactor) error { return r.RunAsync() },
		"OnShutdown": func(r *Reactor) error {
			_, err := r.OnShutdown(BeforeShutdown, func() { t.Error("called") })
			return err
		},
		"After":    func(r *Reactor) error { r.After(0, func() { t.Error("called") }); return ErrClosed },
		"Every":    func(r *Reactor) error { r.Every(0, func() { t.Error("called") }); return ErrClosed },
		"EveryNow": func(r *Reactor) error { r.EveryNow(0, func() { t.Error("called") }); return ErrClosed },
		"Reset": func(r *Reactor) error {
			timer := r.After(0, func() { t.Error("called") })
			if timer.Reset(0) || timer.Stop() {
				t.Error("the timer was active")
			}
			timer.Reset(0)
			return ErrClosed
		},
	} {
		for state, r := range map[string]*Reactor{"never run": New(nil), "run": New(nil), "polled": New(&Config{OnCaller: true})} {
			t.Run(name+", "+state, func(t *testing.T) {
				leak.Check(t)
				switch state {
				case "run":
					r.RunAsync()
				case "polled":
					r.Poll(t.Context())
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				if err := ask(r); !errors.Is(err, ErrClosed) {
					t.Errorf("%v, want ErrClosed", err)
				}
				l := r.loops[0]
				eventually(t, "the end of what was taken over", func() bool {
					r.mu.Lock()
					defer r.mu.Unlock()
					return len(r.streams) == 0
				})
				if len(l.timers.heap) > 0 || l.inbox.tasks.Len() > 0 || len(l.inbox.requests) > 0 || r.Conns() > 0 || len(r.listeners) > 0 || r.work.queue.Len() > 0 || r.work.n > 0 {
					t.Error("it keeps something")
				}
			})
		}
	}
}
