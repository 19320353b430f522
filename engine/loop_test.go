package engine

import (
	"slices"
	"testing"

	"github.com/packetmq/packetmq/internal/leak"
)

// What is asked of a reactor before it runs is done when it does.
func TestAskedBeforeTheFirstRun(t *testing.T) {
	for name, ask := range map[string]func(t *testing.T, r *Reactor, did func()){
		"post": func(_ *testing.T, r *Reactor, did func()) { r.Post(did) },
		"timer": func(t *testing.T, r *Reactor, did func()) {
			r.After(0, did)
			eventually(t, "the alarm", func() bool {
				l := r.loops[0]
				l.mu.Lock()
				defer l.mu.Unlock()
				return l.alarmed
			})
		},
		"attach": func(t *testing.T, r *Reactor, did func()) {
			plugIn(t, r, &plug{}, &hooks{opened: func(*Conn) { did() }})
		},
		"queue": func(t *testing.T, r *Reactor, did func()) {
			plugIn(t, r, &plug{}, &hooks{}).Queue([]byte("x"))
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

// The callback that stops the reactor is the last one; those behind it come, in
// order, when it runs on.
func TestStopOnLoopStopsTheTurn(t *testing.T) {
	for name, add := range map[string]func(t *testing.T, r *Reactor, fn func()){
		"posted functions": func(_ *testing.T, r *Reactor, fn func()) { r.Post(fn) },
		"timers":           func(_ *testing.T, r *Reactor, fn func()) { r.After(0, fn) },
		"pumps": func(t *testing.T, r *Reactor, fn func()) {
			p := &plug{pump: func() bool { fn(); return false }}
			plugIn(t, r, p, &hooks{opened: func(c *Conn) { c.Wake(c.Loop()) }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			var ran []int
			for i := range 3 {
				add(t, v.r, func() {
					if ran = append(ran, i); i == 0 {
						v.r.Stop()
					}
				})
			}
			v.Settle(10)
			if !slices.Equal(ran, []int{0}) {
				t.Errorf("%v ran, and 0 stopped the reactor", ran)
			}
			if err := v.r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			settle(t, v)
			if !slices.Equal(ran, []int{0, 1, 2}) {
				t.Errorf("%v ran", ran)
			}
		})
	}
}
