package call

import (
	"context"
	"errors"
	"github.com/packetmq/packetmq/internal/peertest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A handler that returns a nil *A answers with the zero A.
func TestANilAnswerIsTheZeroOne(t *testing.T) {
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) { return nil, nil })
	})
	a, err := Do(t.Context(), w.AtClient, double, nil)
	if err != nil || *a != (told{}) {
		t.Errorf("got %+v, %v", a, err)
	}
}

// The time that is left travels, and is the deadline of the handler's context.
func TestTheDeadlineIsTheHandlersContext(t *testing.T) {
	type seen struct {
		at time.Time
		ok bool
	}
	got := make(chan seen, 1)
	everywhere(t, func(w *world) {
		Handle(w.Server, double, func(c *Context, _ *ask) (*told, error) {
			at, ok := c.Deadline()
			got <- seen{at, ok}
			return nil, c.Err()
		})
		HandleLater(w.Server, other, func(c *Context, _ *ask, a Answer[told]) {
			at, ok := c.Deadline()
			got <- seen{at, ok}
			a.Send(nil)
		})
	}, func(t *testing.T, w *world) {
		for _, call := range []Call[ask, told]{double, other} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			before := time.Now().Add(time.Hour)
			if _, err := Do(ctx, w.AtClient, call, &ask{}); err != nil {
				t.Fatal(err)
			}
			cancel()
			s := wait(t, "deadline", got)
			if off := s.at.Sub(before); !s.ok || off < -time.Minute || off > time.Minute {
				t.Errorf("%s: the deadline is %v off", call.Name(), off)
			}
		}
	})
}

// A context that somebody waits for is done when its handler returns.
func TestTheContextOfHandleEndsWithItsHandler(t *testing.T) {
	got := make(chan *Context, 1)
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(c *Context, _ *ask) (*told, error) {
			if c.Conn() != w.AtServer || c.ID() == 0 || c.Value(0) != nil {
				t.Errorf("the context says %v, %d", c.Conn(), c.ID())
			}
			select {
			case <-c.Done():
				t.Error("done in the handler")
			default:
			}
			select {
			case got <- c:
			default:
			}
			return &told{}, nil
		})
	})
	for range 2 { // the second must not get the context of the first
		if _, err := Do(t.Context(), w.AtClient, double, &ask{}); err != nil {
			t.Fatal(err)
		}
	}
	c := wait(t, "context", got)
	wait(t, "end of the context", c.Done())
	if c.Err() != context.Canceled || !errors.Is(c.Cause(), ErrAnswered) {
		t.Errorf("it ended with %v, %v", c.Err(), c.Cause())
	}
}

// The context of a handler that takes too long is done at its deadline.
func TestTheContextOfHandleEndsAtItsDeadline(t *testing.T) {
	got := make(chan error, 1)
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(c *Context, _ *ask) (*told, error) {
			for c.Err() == nil { // as one that computes would look
				runtime.Gosched()
			}
			got <- c.Err()
			return nil, nil
		})
	})
	o := make(chan error, 1)
	Go(w.AtClient, double, &ask{}, 20*time.Millisecond, func(_ *told, err error) { o <- err })
	if err := wait(t, "handler", got); err != context.DeadlineExceeded {
		t.Errorf("the handler saw %v", err)
	}
	if err := wait(t, "end", o); !errors.Is(err, ErrTimeout) {
		t.Errorf("the caller was told %v", err)
	}
	eventually(t, "the late answer is counted", func() bool { return StatsOf(w.Client).Late == 1 })
}

// A panic fails its call, and neither the conn nor the next call.
func TestAPanicFailsTheCallAndLeavesTheConn(t *testing.T) {
	for _, show := range []bool{false, true} {
		everywhere(t, func(w *world) {
			Configure(w.Server, &Config{ShowErrors: show})
			Handle(w.Server, double, func(_ *Context, q *ask) (*told, error) {
				if q.N == 13 {
					panic("a secret")
				}
				return doubles(nil, q)
			})
			HandleLater(w.Server, other, func(*Context, *ask, Answer[told]) { panic("a secret") })
		}, func(t *testing.T, w *world) {
			for _, call := range []Call[ask, told]{double, other} {
				_, err := Do(t.Context(), w.AtClient, call, &ask{N: 13})
				if !errors.Is(err, ErrInternal) || strings.Contains(err.Error(), "secret") != show {
					t.Errorf("%s: got %v", call.Name(), err)
				}
			}
			if a, err := Do(t.Context(), w.AtClient, double, &ask{N: 2}); err != nil || a.N != 4 {
				t.Errorf("the next call: %+v, %v", a, err)
			}
			if s := StatsOf(w.Server); s.Panics != 2 || s.Failed != 2 || s.Handled != 3 || s.Open != 0 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

// A handler that fails after it has answered does not answer twice.
func TestAPanicAfterTheAnswerChangesNothing(t *testing.T) {
	w := couple(t, func(w *world) {
		HandleLater(w.Server, double, func(_ *Context, q *ask, a Answer[told]) {
			a.Send(&told{N: q.N})
			panic("after the answer")
		})
	})
	for n := range 3 {
		if a, err := Do(t.Context(), w.AtClient, double, &ask{N: n}); err != nil || a.N != n {
			t.Errorf("got %+v, %v", a, err)
		}
	}
	if s := StatsOf(w.Client); s.Duplicate+s.Late != 0 {
		t.Errorf("counted %+v", s)
	}
}

// A Reason that a handler returns ends the conn, as that of any handler.
func TestAReasonEndsTheConn(t *testing.T) {
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) { return nil, peer.Reason("shop.closed") })
	})
	if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, peer.Reason("shop.closed")) {
		t.Errorf("got %v", err)
	}
}

// An answer that cannot be sent fails the call.
func TestAnAnswerThatIsTooLargeFailsTheCall(t *testing.T) {
	sent := make(chan error, 1)
	w := couple(t, func(w *world) {
		long := strings.Repeat("x", 2<<20)
		Handle(w.Server, double, func(*Context, *ask) (*told, error) { return &told{Text: long}, nil })
		HandleLater(w.Server, other, func(_ *Context, _ *ask, a Answer[told]) { sent <- a.Send(&told{Text: long}) })
	})
	for _, call := range []Call[ask, told]{double, other} {
		if _, err := Do(t.Context(), w.AtClient, call, &ask{}); !errors.Is(err, ErrInternal) {
			t.Errorf("%s: got %v", call.Name(), err)
		}
	}
	var size *peer.SizeError
	if err := wait(t, "error", sent); !errors.As(err, &size) {
		t.Errorf("the handler was told %v", err)
	}
	if _, err := Do(t.Context(), w.AtClient, double, &ask{Text: strings.Repeat("x", 2<<20)}); !errors.As(err, &size) {
		t.Errorf("a request that is too large: %v", err)
	}
	if s := StatsOf(w.Client); s.Waiting != 0 {
		t.Errorf("%d calls wait", s.Waiting)
	}
}

// With registry.Reuse a handler gets the same memory, cleared, and Do gives away what it returns.
func TestReusedBodies(t *testing.T) {
	var got []*ask
	w := couple(t, func(w *world) {
		Handle(w.Server, reused, func(_ *Context, q *ask) (*told, error) {
			got = append(got, q)
			return &told{q.N, q.Text}, nil
		})
	})
	first, err := Do(t.Context(), w.AtClient, reused, &ask{1, "one"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Do(t.Context(), w.AtClient, reused, &ask{N: 2}); err != nil {
		t.Fatal(err)
	}
	if *first != (told{1, "one"}) {
		t.Errorf("the first answer became %+v", first)
	}
	if len(got) != 2 || got[0] != got[1] || got[0].Text != "" {
		t.Errorf("the handler got %v", got)
	}
}

// What is wrong in the program is a panic of Handle.
func TestHandlePanicsWhereTheProgramIsWrong(t *testing.T) {
	w := couple(t, func(*world) {})
	for name, f := range map[string]func(){
		"zero call": func() { Handle(w.Server, Call[ask, told]{}, doubles) },
		"no answer": func() {
			half := peer.NewMemoryServer(registry.New(), nil)
			defer half.Close()
			half.Registry().MustAdd(double.Request())
			Handle(half, double, doubles)
		},
		"nil handler": func() { Handle[ask, told](w.Server, double, nil) },
		"nil later":   func() { HandleLater[ask, told](w.Server, double, nil) },
		"not added":   func() { Handle(w.Server, Define[ask, told]("test:unknown", 90), doubles) },
		"no peer":     func() { Handle((*peer.Server)(nil), double, doubles) },
		"nil fn":      func() { Go[ask, told](w.AtClient, double, &ask{}, 0, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// A handler that ends its goroutine ends its conn, and its call with it.
func TestAGoexitEndsTheConn(t *testing.T) {
	everywhere(t, func(w *world) {
		Handle(w.Server, double, func(*Context, *ask) (*told, error) { runtime.Goexit(); return nil, nil })
		HandleLater(w.Server, other, func(*Context, *ask, Answer[told]) { runtime.Goexit() })
	}, func(t *testing.T, w *world) {
		call := other
		if strings.HasSuffix(t.Name(), "tcp") {
			call = double
		}
		if _, err := Do(t.Context(), w.AtClient, call, &ask{}); !errors.Is(err, peer.ReasonHandler) {
			t.Errorf("got %v", err)
		}
	})
}

// Calls that are answered in time leave the conn's alarm alone: it is set once.
func TestCallsInTimeSetNoTimer(t *testing.T) {
	w := couple(t, func(w *world) { Handle(w.Server, double, doubles) })
	if _, err := Do(t.Context(), w.AtClient, double, &ask{}); err != nil {
		t.Fatal(err)
	}
	s := callsOf(w.AtClient)
	set := func() time.Duration {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.alarm.at
	}
	first := set()
	for range 200 {
		if _, err := Do(t.Context(), w.AtClient, double, &ask{}); err != nil {
			t.Fatal(err)
		}
	}
	if now := w.AtClient.Loop().Time(); first == 0 || now < first && set() != first {
		t.Errorf("the alarm was set for %v, then for %v", first, set())
	}
}

// What a handler sends comes before its answer, and answers in the order of the calls.
func TestWhatAHandlerSendsComesBeforeItsAnswer(t *testing.T) {
	everywhere(t, func(w *world) {
		Handle(w.Server, double, func(c *Context, q *ask) (*told, error) {
			peer.Send(c.Conn(), back.Request(), &Request[ask]{ID: uint64(q.N), Body: q})
			return doubles(c, q)
		})
	}, func(t *testing.T, w *world) {
		came := make(chan int, 100)
		Handle(w.Client, back, func(_ *Context, q *ask) (*told, error) { came <- q.N; return nil, nil })
		for n := 1; n <= 20; n++ {
			Go(w.AtClient, double, &ask{N: n}, 0, func(a *told, err error) {
				if err != nil {
					t.Errorf("call %d: %v", n, err)
				}
				came <- -n
			})
		}
		for n := 1; n <= 20; n++ {
			if a, b := wait(t, "packet", came), wait(t, "answer", came); a != n || b != -n {
				t.Fatalf("after call %d came %d and %d", n-1, a, b)
			}
		}
	})
}

// A handler that waits for its context is let go at the deadline, though its loop waits too.
func TestAHandlerThatWaitsForItsContext(t *testing.T) {
	everywhere(t, func(w *world) {
		Handle(w.Server, double, func(c *Context, _ *ask) (*told, error) {
			<-c.Done()
			return nil, c.Err()
		})
		Handle(w.Server, other, doubles)
	}, func(t *testing.T, w *world) {
		if w.Server.Reactor() == w.Client.Reactor() {
			t.Skip("the caller's loop is the handler's")
		}
		ended := make(chan error, 1)
		Go(w.AtClient, double, &ask{}, 20*time.Millisecond, func(_ *told, err error) { ended <- err })
		if err := wait(t, "end", ended); !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrInternal) { // of both ends the first
			t.Errorf("got %v", err)
		}
		if _, err := Do(t.Context(), w.AtClient, other, &ask{}); err != nil {
			t.Errorf("the loop does not go on: %v", err)
		}
	})
}

// A handler that ends its goroutine leaves nobody who waits for its context.
func TestAGoexitEndsTheContext(t *testing.T) {
	got := make(chan *Context, 1)
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(c *Context, _ *ask) (*told, error) {
			c.Done()
			got <- c
			runtime.Goexit()
			return nil, nil
		})
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, err := Do(ctx, w.AtClient, double, &ask{}); !errors.Is(err, peer.ReasonHandler) {
		t.Errorf("got %v", err)
	}
	c := wait(t, "context", got)
	wait(t, "end of the context", c.Done())
	if c.Err() != context.Canceled {
		t.Errorf("the context ended with %v", c.Err())
	}
}

// A hook that sees an answer may have another request handled meanwhile: each keeps its own.
func TestRequestsInAHookOfAnAnswer(t *testing.T) {
	s, c := newSide(false), newSide(true)
	nested := false
	var w *world
	s.Cfg.PacketOut = func(c *peer.Conn, typ *registry.Type, v any) (any, error) {
		if typ == double.Answer().In(s.Reg) && !nested {
			nested = true
			err := c.PacketIn(double.Request().In(s.Reg), &Request[ask]{ID: 1 << 40, Body: &ask{N: 100}})
			if err != nil {
				t.Error(err)
			}
		}
		return v, nil
	}
	w = peertest.OverMemory(false)(t, s, c, func(w *world) { Handle(w.Server, double, doubles) })
	if a, err := Do(t.Context(), w.AtClient, double, &ask{N: 1}); err != nil || a.N != 2 {
		t.Errorf("got %+v, %v", a, err)
	}
}

// A context that is used after its handler has returned, which is a mistake, is done. The
// next call has one that is not.
func TestAContextThatIsKeptIsDone(t *testing.T) {
	kept := make(chan *Context, 2)
	w := couple(t, func(w *world) {
		Handle(w.Server, double, func(c *Context, _ *ask) (*told, error) {
			kept <- c
			return nil, c.Err()
		})
		Handle(w.Server, other, doubles)
	})
	for range 3 {
		for _, call := range []Call[ask, told]{double, other} { // when other is handled, double has returned
			if _, err := Do(t.Context(), w.AtClient, call, &ask{}); err != nil {
				t.Fatal(err)
			}
		}
		c := <-kept
		if c.Err() != context.Canceled || c.Cause() != ErrAnswered {
			t.Errorf("it ended with %v, %v", c.Err(), c.Cause())
		}
		c.Deadline()
		wait(t, "end of the context", c.Done())
	}
}
