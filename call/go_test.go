package call

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// The function of Go is called on the conn's loop, with the answer.
func TestGoCallsItsFunctionOnTheLoop(t *testing.T) {
	everywhere(t, func(w *world) { Handle(w.Server, double, doubles) }, func(t *testing.T, w *world) {
		here := make(chan bool, 1)
		Go(w.AtClient, double, &ask{21, "x"}, time.Minute, func(a *told, err error) {
			if err != nil || *a != (told{42, "x"}) {
				t.Errorf("got %+v, %v", a, err)
			}
			here <- w.AtClient.Loop().Here()
		})
		if !wait(t, "answer", here) {
			t.Error("the function was called elsewhere")
		}
	})
}

// Go may be called in callbacks, also in that of another Go.
func TestGoOnALoop(t *testing.T) {
	everywhere(t, func(w *world) { Handle(w.Server, double, doubles) }, func(t *testing.T, w *world) {
		done := make(chan int, 1)
		var next func(n int)
		next = func(n int) {
			Go(w.AtClient, double, &ask{N: n}, 0, func(a *told, err error) {
				if err != nil || a.N > 1000 {
					done <- n
					return
				}
				next(a.N)
			})
		}
		w.AtClient.Loop().Post(func() { next(1) })
		if n := wait(t, "last answer", done); n != 512 {
			t.Errorf("the last call was with %d, want 512", n)
		}
	})
}

// What keeps a call from being made comes to the function, after Go has returned.
func TestGoTellsItsFunctionWhyThereIsNoCall(t *testing.T) {
	w := couple(t, func(*world) {})
	got := make(chan error, 1)
	w.AtClient.Loop().Post(func() {
		returned := false
		Go(w.AtClient, Define[ask, told]("test:unknown", 90), &ask{}, 0, func(_ *told, err error) {
			if !returned {
				t.Error("the function was called by Go")
			}
			got <- err
		})
		returned = true
	})
	if err := wait(t, "error", got); !errors.Is(err, peer.ErrNoPacket) {
		t.Errorf("got %v", err)
	}
	Go(nil, double, &ask{}, 0, func(_ *told, err error) { got <- err })
	if err := wait(t, "error", got); !errors.Is(err, peer.ErrNoConn) {
		t.Errorf("no conn: %v", err)
	}
	w.AtClient.Close()
	eventually(t, "the end", func() bool { return w.AtClient.State() == peer.Disconnected })
	o := wait(t, "error", goes(w.AtClient, double, &ask{}))
	if o.err == nil {
		t.Error("a call on a lost conn has no error")
	}
}

// Cancel ends a call with context.Canceled, at the other side too, and once only.
func TestCancelOfAPending(t *testing.T) {
	handled := make(chan *Context, 1)
	var answer Answer[told]
	w := couple(t, func(w *world) {
		HandleLater(w.Server, double, func(c *Context, _ *ask, a Answer[told]) {
			answer = a
			handled <- c
		})
	})
	came := make(chan error, 2)
	p := Go(w.AtClient, double, &ask{}, 0, func(_ *told, err error) { came <- err })
	c := wait(t, "request", handled)
	if !p.Cancel() || p.Cancel() {
		t.Error("Cancel is not true once")
	}
	if err := wait(t, "end", came); !errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call ended with %v", err)
	}
	wait(t, "end of the context", c.Done())
	if !errors.Is(c.Cause(), context.Canceled) || c.Err() != context.Canceled {
		t.Errorf("the context ended with %v, %v", c.Err(), c.Cause())
	}
	if err := answer.Send(&told{}); !errors.Is(err, context.Canceled) {
		t.Errorf("an answer after that: %v", err)
	}
	if s := StatsOf(w.Client); s.Cancelled != 1 || s.Waiting != 0 {
		t.Errorf("counted %+v", s)
	}
	if s := StatsOf(w.Server); s.Withdrawn != 1 || s.Open != 0 {
		t.Errorf("counted %+v", s)
	}
	if (Pending{}).Cancel() {
		t.Error("a Pending of nothing was cancelled")
	}
}

// A call whose time is over before it is made is none.
func TestGoWithoutTimeLeft(t *testing.T) {
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) { t.Error("handled"); return nil, nil })
		Handle(w.Server, other, doubles)
	})
	ended := make(chan error, 1)
	Go(w.AtClient, double, &ask{}, -time.Nanosecond, func(_ *told, err error) { ended <- err })
	if err := wait(t, "end", ended); err != ErrTimeout {
		t.Errorf("got %v", err)
	}
	if _, err := Do(t.Context(), w.AtClient, other, &ask{}); err != nil {
		t.Error(err)
	}
}

// A function is told of the end though the reactor closes before its turn comes.
func TestGoIsToldThoughTheReactorCloses(t *testing.T) {
	w := couple(t, func(*world) {})
	if err := w.Client.Stop(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	p := Go(w.AtClient, double, &ask{}, 0, func(_ *told, err error) { ended <- err })
	if !p.Cancel() {
		t.Error("there was nothing to cancel")
	}
	w.Client.Close()
	if err := wait(t, "end", ended); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	if len(ended) > 0 {
		t.Errorf("ended twice, with %v", <-ended)
	}
}

// Calls under way outlive a Stop and the next Run.
func TestCallsOverAStop(t *testing.T) {
	answers := make(chan Answer[told], 1)
	w := couple(t, func(w *world) {
		HandleLater(w.Server, double, func(_ *Context, _ *ask, a Answer[told]) { answers <- a })
	})
	came := goes(w.AtClient, double, &ask{})
	a := wait(t, "request", answers)
	if err := w.Client.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := a.Send(&told{N: 5}); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Do(ctx, w.AtClient, double, &ask{}); err != ErrTimeout {
		t.Errorf("a call of a stopped side: %v", err)
	}
	if err := w.Client.RunAsync(); err != nil && !errors.Is(err, engine.ErrRunning) {
		t.Fatal(err)
	}
	if o := wait(t, "answer", came); o.err != nil || o.a.N != 5 {
		t.Errorf("got %+v", o)
	}
}
