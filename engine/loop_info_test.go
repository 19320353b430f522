package engine

import (
	"testing"
	"time"
)

// What waits for a loop is what Info says.
func TestLoopInfo(t *testing.T) {
	r := start(t, nil)
	l := r.Loops()[0]
	full := make(chan int, 10)
	first := serve(t, r, &hooks{received: func(c *Conn, b []byte) int {
		if len(b) == 100 {
			select {
			case full <- 1:
			default:
			}
		}
		return 0 // it is brought again with each turn
	}})
	first.Write(make([]byte, 100))
	wait(t, "input", full)
	infos := make(chan LoopInfo, 2)
	timers := 0
	l.Post(func() {
		timers = l.Info().Timers
		l.After(time.Hour, func() {})
		l.Post(func() {})
		l.Post(func() {})
		infos <- l.Info()
	})
	i := wait(t, "info", infos)
	if i.Conns != 1 || i.Sockets != 1 {
		t.Errorf("%d conns and %d sockets, want one", i.Conns, i.Sockets)
	}
	if i.Posted != 2 || i.Timers != timers+1 {
		t.Errorf("%d functions and %d timers wait, want 2 and %d", i.Posted, i.Timers, timers+1)
	}
	if i.Ready != 1 {
		t.Errorf("%d conns are ready, want one", i.Ready)
	}
	if i.KeptInput < 100 {
		t.Errorf("%d bytes of input are kept, want 100 at least", i.KeptInput)
	}
	if i.Callbacks == 0 || i.Turns == 0 || i.Turns > i.Callbacks {
		t.Errorf("%d turns of %d callbacks", i.Turns, i.Callbacks)
	}
	l.Post(func() { infos <- l.Info() })
	if again := wait(t, "info", infos); again.Posted != 0 || again.Callbacks <= i.Callbacks {
		t.Errorf("later %d functions wait after %d callbacks; before that there were %d", again.Posted, again.Callbacks, i.Callbacks)
	}
}

// Each callback is told to those who watch, from the next one on and until they stop.
func TestLoopWatch(t *testing.T) {
	r := start(t, nil)
	l := r.Loops()[0]
	const long = 2 * time.Millisecond
	took := make(chan time.Duration, 100)
	done := make(chan struct{})
	var stop, stopOther func()
	post := func(fn func()) {
		l.Post(func() { fn(); done <- struct{}{} })
		wait(t, "turn", done)
	}
	others := 0
	post(func() {
		stop = l.Watch(func(d time.Duration) { took <- d })
		stopOther = l.Watch(func(time.Duration) { others++ })
	})
	eventually(t, "long callback", func() bool { // the first may still be in the one that began to watch
		post(func() {
			for began := time.Now(); time.Since(began) < long; {
			}
		})
		for len(took) > 0 {
			if <-took >= long {
				return true
			}
		}
		return false
	})
	post(func() { stop(); stop() })
	for len(took) > 0 {
		<-took
	}
	before := 0
	post(func() { before = others })
	eventually(t, "callback that the other watcher is told of", func() (told bool) {
		post(func() { told = others > before })
		return told
	})
	post(func() { stopOther() })
	if len(took) > 0 {
		t.Error("told of a callback after the stop")
	}
}

// What is in use of a reactor's bounds is what Usage says.
func TestUsage(t *testing.T) {
	r := start(t, &Config{MaxConns: 7, MaxTotalPending: 1 << 20, MaxTotalInput: 2 << 20, MaxPending: 3 << 16, SoftPending: 1 << 16, Workers: 2})
	if u := r.Usage(); u != (Usage{MaxConns: 7, MaxOutput: 1 << 20, MaxInput: 2 << 20, MaxPending: 3 << 16, SoftPending: 1 << 16, MaxWorkers: 2, MaxWaiting: DefaultMaxQueued}) {
		t.Errorf("an idle reactor uses %+v", u)
	}
	conns := make(chan *Conn, 1)
	serve(t, r, &hooks{opened: func(c *Conn) { conns <- c }})
	c := wait(t, "conn", conns)
	release, working := make(chan struct{}), make(chan struct{}, 2)
	ended := make(chan struct{}, 3)
	for range 3 {
		work := func() (int, error) { working <- struct{}{}; <-release; return 0, nil }
		err := Offload(r.Loops()[0], work, func(int, error) { ended <- struct{}{} })
		if err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "worker", working)
	wait(t, "worker", working)
	if u := r.Usage(); u.Conns != 1 || u.Offloaded != 2 || u.Waiting != 1 {
		t.Errorf("%d conns, %d workers and %d who wait, want 1, 2 and 1", u.Conns, u.Offloaded, u.Waiting)
	}
	held, goOn := make(chan struct{}), make(chan struct{})
	r.Loops()[0].Post(func() { close(held); <-goOn })
	wait(t, "held loop", held)
	if err := c.Queue(make([]byte, 20000)); err != nil {
		t.Fatal(err)
	}
	if u := r.Usage(); u.Output < 20000 {
		t.Errorf("%d bytes of output wait, want 20000", u.Output)
	}
	close(goOn)
	close(release)
	for range 3 {
		wait(t, "end of a call", ended)
	}
	eventually(t, "output that has left", func() bool { return r.Usage().Output == 0 })
}
