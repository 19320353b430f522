package peer

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"github.com/packetmq/packetmq/engine"
)

// The work of a conn is done one piece at a time, and the answers leave in the order of the
// packets, though many more come than may wait.
func TestTheWorkOfAConnIsDoneInOrder(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		const packets = 1000
		var running atomic.Int32
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
			return OffloadInOrder(c, func() (int, error) {
				if running.Add(1) != 1 {
					t.Error("two pieces at once")
				}
				defer running.Add(-1)
				return v.N * 2, nil
			}, func(n int, err error) {
				if err := Reply(c, w.s.pong, &note{N: n}); err != nil {
					t.Error(err)
				}
			})
		})
		pongs := inbox(t, w.client, w.c.pong, packets)
		_, cc := w.handshake(t)
		for n := range packets {
			if err := SendWait(t.Context(), cc, w.c.ping, &note{N: n}); err != nil {
				t.Fatal(err)
			}
		}
		for n := range packets {
			if v := wait(t, "answer", pongs); v.N != 2*n {
				t.Fatalf("answer %d, want %d", v.N, 2*n)
			}
		}
	})
}

// While more than the bound of a conn's work waits, its packets wait too. The program's own
// pause is another reason: the conn is read when there is neither.
func TestAConnWithMuchWorkIsPaused(t *testing.T) {
	setUp := func(s, _ *side) { s.cfg.WorkInOrder = 10 }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		const packets = 50
		handled, work := make(chan int, packets), make(chan struct{})
		Handle(w.server, w.s.ping, func(c *Conn, v *note) error {
			handled <- v.N
			return OffloadInOrder(c, func() (int, error) { <-work; return 0, nil }, func(int, error) {})
		})
		sc, cc := w.handshake(t)
		for n := range packets {
			if err := Send(cc, w.c.ping, &note{N: n}); err != nil {
				t.Fatal(err)
			}
		}
		next := 0
		expect := func(n int) {
			t.Helper()
			for ; n > 0; n-- {
				if v := wait(t, "packet", handled); v != next {
					t.Fatalf("packet %d, want %d", v, next)
				}
				next++
			}
			onLoop(t, cc, func() {})
			onLoop(t, sc, func() {})
			nothing(t, "packet", handled)
		}
		do := func(n int) {
			for range n {
				work <- struct{}{}
			}
		}
		left := func() (n int) {
			o := sc.rare.Load().work.Load()
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.n
		}
		expect(11) // the one that is one too many is the last
		sc.ResumeRead()
		expect(0)
		do(5)
		eventually(t, "results", func() bool { return left() == 6 })
		expect(0) // more than half are left
		sc.PauseRead()
		do(1)
		eventually(t, "result", func() bool { return left() == 5 })
		expect(0) // of the program's
		sc.ResumeRead()
		expect(6)
		close(work)
		expect(packets - 17)
	})
}

// At the end of a conn the work that has begun has its result, what has not is dropped and
// counted, and what OnLost offloads is done.
func TestWorkAtTheEndOfAConn(t *testing.T) {
	results := make(chan string, 100)
	done := func(what string, err error) { results <- what }
	named := func(what string) func() (string, error) { return func() (string, error) { return what, nil } }
	setUp := func(s, _ *side) {
		lost := s.cfg.OnLost
		s.cfg.OnLost = func(c *Conn, reason error) {
			if err := OffloadInOrder(c, named("last"), done); err != nil {
				t.Errorf("in OnLost: %v", err)
			}
			lost(c, reason)
		}
	}
	for name, end := range map[string]func(sc, cc *Conn){
		"softquit":       func(sc, _ *Conn) { sc.Softquit("reason.bye") },
		"abort":          func(sc, _ *Conn) { sc.Abort(io.ErrUnexpectedEOF) },
		"the other side": func(_, cc *Conn) { cc.Softquit("reason.bye") },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, setUp, func(t *testing.T, w *world) {
				sc, cc := w.handshake(t)
				begun, release := make(chan struct{}), make(chan struct{})
				err := OffloadInOrder(sc, func() (string, error) { close(begun); <-release; return "first", nil }, done)
				for range 9 {
					err = errors.Join(err, OffloadInOrder(sc, named("dropped"), done))
				}
				if err != nil {
					t.Fatal(err)
				}
				wait(t, "work", begun)
				end(sc, cc)
				w.s.next(t, "lost")
				onLoop(t, sc, func() {}) // OnLost has returned
				if err := OffloadInOrder(sc, named("late"), done); err != ErrNotActive {
					t.Errorf("after OnLost: %v", err)
				}
				if n := w.server.Stats().Undone; n != 9 {
					t.Errorf("%d pieces are counted, want 9", n)
				}
				nothing(t, "result", results)
				close(release)
				for _, want := range []string{"first", "last"} {
					if got := wait(t, "result", results); got != want {
						t.Errorf("result of %s, want %s", got, want)
					}
				}
			})
		})
	}
}

// A conn's work has a bound beyond that of its packets.
func TestTooMuchWorkOfAConnIsRefused(t *testing.T) {
	setUp := func(s, _ *side) { s.cfg.WorkInOrder = 2 }
	everywhere(t, setUp, func(t *testing.T, w *world) {
		sc, _ := w.handshake(t)
		release, results := make(chan struct{}), make(chan struct{}, 100)
		add := func() error {
			return OffloadInOrder(sc, func() (int, error) { <-release; return 0, nil }, func(int, error) { results <- struct{}{} })
		}
		for range 2 * maxWork {
			if err := add(); err != nil {
				t.Fatal(err)
			}
		}
		if err := add(); err != engine.ErrBusy {
			t.Errorf("one too many: %v", err)
		}
		close(release)
		for range 2 * maxWork {
			wait(t, "result", results)
		}
		if err := add(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		wait(t, "result", results)
	})
}

// A panic in work is an error of that piece; one in done ends the conn.
func TestPanicsInOrderedWork(t *testing.T) {
	everywhere(t, nil, func(t *testing.T, w *world) {
		sc, _ := w.handshake(t)
		failed := make(chan error, 1)
		OffloadInOrder(sc, func() (int, error) { panic("broken") }, func(_ int, err error) { failed <- err })
		var p *engine.PanicError
		if err := wait(t, "result", failed); !errors.As(err, &p) {
			t.Errorf("the result is %v", err)
		}
		OffloadInOrder(sc, func() (int, error) { return 0, nil }, func(int, error) { panic("broken") })
		if e := w.s.next(t, "lost"); !errors.Is(e.reason, ReasonHandler) || !errors.As(e.reason, &p) {
			t.Errorf("lost: %v", e.reason)
		}
	})
}

func TestOffloadInOrderWithout(t *testing.T) {
	work, done := func() (int, error) { return 0, nil }, func(int, error) {}
	if err := OffloadInOrder(nil, work, done); err != ErrNoConn {
		t.Errorf("a conn: %v", err)
	}
	s := newSide(false, 17, 18)
	w := dialWire(t, s)
	w.shake(3)
	c := s.next(t, "made").conn
	if err := OffloadInOrder(c, work, nil); !errors.Is(err, ErrNil) {
		t.Errorf("done: %v", err)
	}
	if err := OffloadInOrder[int](c, nil, done); !errors.Is(err, ErrNil) {
		t.Errorf("work: %v", err)
	}
}
