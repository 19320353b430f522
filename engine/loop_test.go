package engine

import (
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/leak"
)

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

// Call is over when the function is, which ran on the loop.
func TestCallWaitsForItsResult(t *testing.T) {
	r := start(t, nil)
	l := r.Loops()[0]
	answer, onLoop := 0, false
	if err := l.Call(t.Context(), func() { answer, onLoop = 42, r.OnLoop() }); err != nil {
		t.Fatal(err)
	}
	if answer != 42 || !onLoop {
		t.Errorf("answer %d, on the loop: %v", answer, onLoop)
	}
	var inside error
	l.Call(t.Context(), func() { inside = l.Call(t.Context(), func() {}) })
	if inside != ErrOnLoop {
		t.Errorf("Call on the loop = %v, want ErrOnLoop", inside)
	}
}

// What is asked of a reactor before it runs is done when it does.
func TestAskedBeforeTheFirstRun(t *testing.T) {
	for name, ask := range map[string]func(t *testing.T, r *Reactor, did func()){
		"post": func(_ *testing.T, r *Reactor, did func()) { r.Post(did) },
		"timer": func(t *testing.T, r *Reactor, did func()) {
			r.After(0, did)
			eventually(t, "the alarm", func() bool {
				l := r.loops[0]
				l.inbox.mu.Lock()
				defer l.inbox.mu.Unlock()
				return l.inbox.timerDue
			})
		},
		"attach": func(t *testing.T, r *Reactor, did func()) {
			attachFake(t, r, &fakeTransport{}, &hooks{opened: func(*Conn) { did() }})
		},
		"queue": func(t *testing.T, r *Reactor, did func()) {
			attachFake(t, r, &fakeTransport{}, &hooks{}).Queue([]byte("x"))
			r.Post(did)
		},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			r := New(nil)
			defer r.Close()
			done := make(chan struct{})
			ask(t, r, func() { close(done) })
			if err := r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			wait(t, name, done)
		})
	}
}

// The callback that stops the reactor is the last one; those after it come, in
// order, when it runs on.
func TestStopOnLoopStopsTheTurn(t *testing.T) {
	for name, add := range map[string]func(t *testing.T, r *Reactor, fn func()){
		"posted functions": func(_ *testing.T, r *Reactor, fn func()) { r.Post(fn) },
		"timers":           func(_ *testing.T, r *Reactor, fn func()) { r.After(0, fn) },
		"pumps": func(t *testing.T, r *Reactor, fn func()) {
			p := &fakeTransport{pump: func() bool { fn(); return false }}
			attachFake(t, r, p, &hooks{opened: func(c *Conn) { c.sink().Wake(c.Loop()) }})
		},
		"conns that open": func(t *testing.T, r *Reactor, fn func()) {
			attachFake(t, r, &fakeTransport{}, &hooks{opened: func(*Conn) { fn() }})
		},
		"conns that end": func(t *testing.T, r *Reactor, fn func()) {
			attachFake(t, r, &fakeTransport{}, &hooks{closed: func(*Conn, error) { fn() }}).Abort(nil)
		},
		"pressure": func(t *testing.T, r *Reactor, fn func()) {
			h := &hooks{pressure: func(*Conn, bool) { fn() }}
			attachFake(t, r, &fakeTransport{stuck: true}, h).Queue(make([]byte, 2*DefaultSoftPending))
		},
		"deadlines": func(t *testing.T, r *Reactor, fn func()) {
			attachFake(t, r, &fakeTransport{}, &hooks{
				opened:  func(c *Conn) { c.SetDeadline(1) },
				expired: func(*Conn) { fn() },
			})
		},
		"input": func(t *testing.T, r *Reactor, fn func()) {
			left := []byte("x")
			p := &fakeTransport{}
			p.pump = func() bool {
				left = left[p.sink.Received(left):]
				return len(left) > 0
			}
			attachFake(t, r, p, &hooks{
				opened:   func(c *Conn) { c.sink().Wake(c.Loop()) },
				received: func(_ *Conn, b []byte) int { fn(); return len(b) },
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			var ran []int
			for i := range 3 {
				add(t, v.r, func() {
					if ran = append(ran, i); len(ran) == 1 {
						v.r.Stop()
					}
				})
			}
			v.Settle(10)
			v.Advance(time.Second) // for deadlines
			v.Settle(10)
			if len(ran) != 1 {
				t.Errorf("%v ran, and the first one stopped the reactor", ran)
			}
			if err := v.r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			settle(t, v)
			if name == "deadlines" { // which have no order within a tick
				slices.Sort(ran)
			}
			if !slices.Equal(ran, []int{0, 1, 2}) {
				t.Errorf("%v ran", ran)
			}
		})
	}
}

// Stop comes when a turn has begun that did not see it: the loop is called again,
// to park, and what the turn had taken to do is done when the reactor runs on.
func TestStopAfterTheBeginningOfATurn(t *testing.T) {
	v := virtual(t, nil)
	l := v.r.loops[0]
	rings, ran := 0, 0
	l.inbox.setWake(func() { rings++ })
	v.r.Post(func() { ran++ })
	rings = 0
	l.enter()
	v.r.Stop()
	l.wokenUp()
	l.done()
	l.exit()
	if rings != 1 || ran != 0 {
		t.Errorf("it was woken %d times; %d posted functions ran", rings, ran)
	}
	l.inbox.setWake(nil)
	if err := v.r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	settle(t, v)
	if ran != 1 {
		t.Errorf("the posted function ran %d times", ran)
	}
}

// Who waits for a posted function is told when it is dropped, and else is not.
func TestPostElseTellsOfADroppedFunction(t *testing.T) {
	v := NewVirtual(nil)
	l := v.r.Loops()[0]
	var got []string
	note := func(what string) func() { return func() { got = append(got, what) } }
	l.PostElse(note("called"), note("dropped though called"))
	v.Step(0)
	l.PostElse(note("called though closed"), func() {
		note("dropped")()
		l.PostElse(note("called though closed"), note("dropped in turn"))
		panic("on purpose")
	})
	l.PostElse(note("called though closed"), nil)
	v.Close()
	if err := l.PostElse(note("called though closed"), note("dropped with an error")); err != ErrClosed {
		t.Errorf("after the end: %v", err)
	}
	if want := []string{"called", "dropped", "dropped in turn"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
