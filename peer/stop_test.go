package peer

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// After a Stop in a callback there is no other one, however much input lies there
// already; Run returns when that callback has returned, and nothing is lost.
func TestStopInACallbackIsTheLast(t *testing.T) {
	const packets = 600 // more than two shares of a turn
	ways := map[string]struct {
		setUp func(s *side, got func())
		serve func(t *testing.T, w *world, got func())
	}{
		"typed": {serve: func(t *testing.T, w *world, got func()) {
			Handle(w.server, w.s.ping, func(*Conn, *note) error { got(); return nil })
		}},
		"raw": {serve: func(t *testing.T, w *world, got func()) {
			w.server.Untyped().HandleRaw(w.s.ping.In(w.s.reg), func(*Conn, []byte) error { got(); return nil })
		}},
		"any": {serve: func(t *testing.T, w *world, got func()) {
			w.server.Untyped().Handle(w.s.ping.In(w.s.reg), func(*Conn, any) error { got(); return nil })
		}},
		"OnPacket": {setUp: func(s *side, got func()) {
			s.cfg.OnPacket = func(*Conn, *registry.Type, any) error { got(); return nil }
		}},
		"EncodedIn": {setUp: func(s *side, got func()) {
			s.cfg.EncodedIn = func(_ *Conn, b []byte) ([]byte, error) { got(); return b, nil }
		}},
		"packet log": {
			setUp: func(s *side, _ func()) { s.cfg.PacketLog = 10 },
			serve: func(t *testing.T, w *world, got func()) {
				Handle(w.server, w.s.ping, func(*Conn, *note) error { got(); return nil })
			},
		},
	}
	for way, test := range ways {
		t.Run(way, func(t *testing.T) {
			var w *world
			var stopped, returned atomic.Bool
			calls := 0
			all, halted := make(chan struct{}), make(chan struct{}, 10)
			got := func() {
				if stopped.Load() {
					t.Error("called after Stop")
				}
				if calls++; calls == packets {
					close(all)
				}
				if calls == 3 || calls == packets/2 {
					if err := w.server.Stop(); err != nil {
						t.Errorf("Stop: %v", err)
					}
					stopped.Store(true)
					halted <- struct{}{}
					time.Sleep(5 * time.Millisecond) // a Stop that does not wait has time to return
					returned.Store(true)
				}
			}
			setUp := func(s, _ *side) {
				calls = 0
				all = make(chan struct{})
				if test.setUp != nil {
					test.setUp(s, got)
				}
			}
			everywhere(t, setUp, func(t *testing.T, world *world) {
				w = world
				if test.serve != nil {
					test.serve(t, w, got)
				}
				_, cc := w.handshake(t)
				stopped.Store(false)
				sent := make(chan struct{})
				w.client.Reactor().Post(func() {
					defer close(sent)
					for n := range packets {
						if err := Reply(cc, w.c.ping, &note{n, ""}); err != nil {
							t.Error(err)
						}
					}
				})
				wait(t, "sending", sent)
				for range 2 {
					wait(t, "stop", halted)
					w.server.Stop() // from here it waits
					if !returned.Load() {
						t.Error("the loops stand still in the middle of a callback")
					}
					stopped.Store(false)
					returned.Store(false)
					w.runAgain(t)
				}
				wait(t, "packets", all)
			})
		})
	}
}

// Run returns when the callback that stopped the reactor has returned.
func TestRunReturnsWhenTheLoopsStandStill(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, &Config{Engine: &engine.Config{Loops: 2}})
	defer server.Close()
	for range 20 {
		var inCallback atomic.Int32
		var both sync.WaitGroup // until each loop is in its callback
		both.Add(2)
		for _, l := range server.Reactor().Loops() {
			l.Post(func() {
				inCallback.Add(1)
				both.Done()
				both.Wait()
				server.Stop()
				time.Sleep(time.Millisecond) // a Run that does not wait has time to return
				inCallback.Add(-1)
			})
		}
		if err := server.Run(); err != nil {
			t.Fatal(err)
		}
		if n := inCallback.Load(); n != 0 {
			t.Fatalf("Run returned while %d callbacks ran", n)
		}
	}
}

func TestStopBeforeRun(t *testing.T) {
	s := newSide(false, 17, 18)
	server := NewServer(s.reg, nil)
	defer server.Close()
	server.Reactor().Post(func() { server.Stop() }) // of the second Run
	server.Stop()
	for range 2 {
		ran := make(chan error, 1)
		go func() { ran <- server.Run() }()
		if err := wait(t, "return of Run", ran); err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// A Stop in OnMade or OnLost is the last call as well, of all conns.
func TestStopInACallbackOfAConnsLifeIsTheLast(t *testing.T) {
	const conns, packets = 5, 3
	for _, when := range []string{"made", "lost"} {
		t.Run(when, func(t *testing.T) {
			var w *world
			var stopped atomic.Bool
			var told chan string
			var halted chan struct{}
			call := func(what string) {
				if stopped.Load() {
					t.Errorf("%s was called after Stop", what)
				}
				if what == when {
					stopped.Store(true)
					w.server.Stop()
					halted <- struct{}{}
				}
				told <- what
			}
			// until has the server run on after each Stop, until something was told so often.
			until := func(t *testing.T, seen map[string]int, what string, times int) {
				t.Helper()
				for late := time.After(patience); seen[what] < times; {
					select {
					case <-halted:
						w.server.Stop() // from here it waits
						stopped.Store(false)
						w.runAgain(t)
					case what := <-told:
						seen[what]++
					case <-late:
						t.Fatalf("told %v, want %d times %s", seen, times, what)
					}
				}
			}
			setUp := func(s, c *side) {
				s.cfg.OnMade = func(*Conn) { call("made") }
				s.cfg.OnLost = func(*Conn, error) { call("lost") }
				c.cfg.OnMade = func(cc *Conn) {
					for n := range packets {
						Send(cc, c.ping, &note{n, ""})
					}
				}
			}
			everywhere(t, setUp, func(t *testing.T, world *world) {
				w = world
				stopped.Store(false)
				told, halted = make(chan string, 1000), make(chan struct{}, 2*conns)
				Handle(w.server, w.s.ping, func(*Conn, *note) error { call("packet"); return nil })
				for range conns {
					go w.connect(t.Context())
				}
				seen := make(map[string]int)
				until(t, seen, "made", conns)
				until(t, seen, "packet", conns*packets)
				for c := range w.client.Conns() {
					c.Abort(nil)
				}
				until(t, seen, "lost", conns)
			})
		})
	}
}
