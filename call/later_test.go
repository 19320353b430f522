package call

import (
	"context"
	"errors"
	"github.com/packetmq/packetmq/internal/peertest"
	"testing"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// An answer may come from any goroutine, and the second one is told that it is.
func TestACallIsAnsweredOnce(t *testing.T) {
	second := make(chan [2]error, 1)
	everywhere(t, func(w *world) {
		HandleLater(w.Server, double, func(c *Context, q *ask, a Answer[told]) {
			n := 2 * q.N
			go func() {
				if err := a.Send(&told{N: n}); err != nil {
					t.Errorf("the first answer: %v", err)
				}
				second <- [2]error{a.Send(&told{N: -1}), a.Fail(poor)}
			}()
		})
	}, func(t *testing.T, w *world) {
		a, err := Do(t.Context(), w.AtClient, double, &ask{N: 4})
		if err != nil || a.N != 8 {
			t.Errorf("got %+v, %v", a, err)
		}
		if errs := wait(t, "second answer", second); errs != [2]error{ErrAnswered, ErrAnswered} {
			t.Errorf("further answers: %v", errs)
		}
		if a, err := Do(t.Context(), w.AtClient, double, &ask{N: 5}); err != nil || a.N != 10 {
			t.Errorf("the next call: %+v, %v", a, err)
		}
		<-second
		if s := StatsOf(w.Client); s.Duplicate != 0 || s.Answered != 2 || s.Made != 2 {
			t.Errorf("counted %+v", s)
		}
	})
	if err := (Answer[told]{}).Send(nil); err != ErrNoAnswer {
		t.Errorf("the zero Answer: %v", err)
	}
}

// A call whose answer is forgotten ends in time at both sides, and is counted.
func TestAForgottenAnswerTimesOut(t *testing.T) {
	handled := make(chan *Context, 1)
	everywhere(t, func(w *world) {
		HandleLater(w.Server, double, func(c *Context, _ *ask, _ Answer[told]) { handled <- c })
		Handle(w.Server, other, doubles)
	}, func(t *testing.T, w *world) {
		came := make(chan error, 1)
		Go(w.AtClient, double, &ask{}, 30*time.Millisecond, func(_ *told, err error) { came <- err })
		c := wait(t, "request", handled)
		if err := wait(t, "end", came); !errors.Is(err, ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the call ended with %v", err)
		}
		wait(t, "end of the context", c.Done())
		if c.Err() != context.DeadlineExceeded || !errors.Is(c.Cause(), ErrTimeout) {
			t.Errorf("the context ended with %v, %v", c.Err(), c.Cause())
		}
		eventually(t, "the call is counted", func() bool { return StatsOf(w.Server).Expired == 1 })
		if s := StatsOf(w.Client); s.TimedOut != 1 || s.Waiting != 0 || s.Answered != 0 {
			t.Errorf("counted %+v", s)
		}
		if _, err := Do(t.Context(), w.AtClient, other, &ask{}); err != nil {
			t.Errorf("the conn does not go on: %v", err)
		}
	})
}

// A context that ends tells the other side, and never touches the conn.
func TestAContextThatEndsLeavesTheConn(t *testing.T) {
	handled := make(chan *Context, 1)
	everywhere(t, func(w *world) {
		HandleLater(w.Server, double, func(c *Context, _ *ask, _ Answer[told]) { handled <- c })
		Handle(w.Server, other, doubles)
	}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			c := wait(t, "request", handled)
			cancel()
			wait(t, "end of the context", c.Done())
			if c.Err() != context.Canceled {
				t.Errorf("the context ended with %v", c.Err())
			}
			handled <- nil
		}()
		if _, err := Do(ctx, w.AtClient, double, &ask{}); err != context.Canceled {
			t.Errorf("cancelled: %v", err)
		}
		wait(t, "the other side", handled)
		ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := Do(ctx, w.AtClient, double, &ask{}); err != ErrTimeout {
			t.Errorf("timed out: %v", err)
		}
		<-handled
		if _, err := Do(ctx, w.AtClient, double, &ask{}); err != ErrTimeout {
			t.Errorf("with a context that was over: %v", err)
		}
		if w.AtClient.State() != peer.Active || w.AtServer.State() != peer.Active {
			t.Errorf("the conns are %v and %v", w.AtClient.State(), w.AtServer.State())
		}
		if _, err := Do(t.Context(), w.AtClient, other, &ask{}); err != nil {
			t.Errorf("the conn does not go on: %v", err)
		}
		if s := StatsOf(w.Client); s.Cancelled != 1 || s.TimedOut != 1 || s.Waiting != 0 {
			t.Errorf("counted %+v", s)
		}
	})
}

// A conn that ends fails all its calls at once, at both sides, with the reason.
func TestTheEndOfAConnEndsItsCalls(t *testing.T) {
	handled := make(chan *Context, 8)
	everywhere(t, func(w *world) {
		HandleLater(w.Server, double, func(c *Context, _ *ask, _ Answer[told]) { handled <- c })
	}, func(t *testing.T, w *world) {
		var came []<-chan outcome
		for range 4 {
			came = append(came, goes(w.AtClient, double, &ask{}))
		}
		waits := make(chan error, 1)
		go func() {
			_, err := Do(t.Context(), w.AtClient, double, &ask{})
			waits <- err
		}()
		var contexts []*Context
		for range 5 {
			contexts = append(contexts, wait(t, "request", handled))
		}
		reason := peer.Reason("shop.closed")
		if err := w.AtServer.Softquit(reason); err != nil {
			t.Fatal(err)
		}
		for _, c := range came {
			if o := wait(t, "end", c); !errors.Is(o.err, reason) {
				t.Errorf("a call of Go ended with %v", o.err)
			}
		}
		if err := wait(t, "end", waits); !errors.Is(err, reason) {
			t.Errorf("a call of Do ended with %v", err)
		}
		for _, c := range contexts {
			wait(t, "end of the context", c.Done())
			if c.Err() != context.Canceled || !errors.Is(c.Cause(), reason) {
				t.Errorf("a context ended with %v, %v", c.Err(), c.Cause())
			}
		}
		if s := StatsOf(w.Client); s.Lost != 5 || s.Waiting != 0 || s.Made != 5 {
			t.Errorf("counted %+v", s)
		}
		if s := StatsOf(w.Server); s.Open != 0 {
			t.Errorf("%d calls are open", s.Open)
		}
		if o := wait(t, "error", goes(w.AtClient, double, &ask{})); !errors.Is(o.err, reason) {
			t.Errorf("a call after that: %v", o.err)
		}
	})
}

// A panic in one function of Go keeps none of the others from being told.
func TestEveryFunctionOfGoIsToldOfTheEnd(t *testing.T) {
	w := couple(t, func(w *world) {
		HandleLater(w.Server, double, func(*Context, *ask, Answer[told]) {})
	})
	came := make(chan error, 9)
	for n := range 9 {
		Go(w.AtClient, double, &ask{}, 0, func(_ *told, err error) {
			came <- err
			if n%3 == 0 {
				panic("in the function")
			}
		})
	}
	w.AtClient.Abort(errors.New("on purpose"))
	for range 9 {
		if err := wait(t, "end", came); err == nil {
			t.Error("a call was answered")
		}
	}
}

// Of the calls under way the one above the bound gets ErrTooMany: at the side that makes it.
func TestTooManyCallsAtTheCaller(t *testing.T) {
	answers := make(chan Answer[told], DefaultUnderWay+1)
	for most, cfg := range map[int]*Config{2: {UnderWay: 2}, DefaultUnderWay: nil} {
		w := couple(t, func(w *world) {
			Configure(w.Client, cfg)
			Configure(w.Server, &Config{UnderWay: MaxUnderWay})
			HandleLater(w.Server, double, func(_ *Context, _ *ask, a Answer[told]) { answers <- a })
		})
		var came []<-chan outcome
		for range most {
			came = append(came, goes(w.AtClient, double, &ask{}))
		}
		if o := wait(t, "error", goes(w.AtClient, double, &ask{})); !errors.Is(o.err, ErrTooMany) {
			t.Errorf("call %d ended with %v", most+1, o.err)
		}
		if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, ErrTooMany) {
			t.Errorf("Do of one more ended with %v", err)
		}
		if s := StatsOf(w.Client); s.TooMany != 2 || s.Waiting != most {
			t.Errorf("counted %+v", s)
		}
		for range most {
			wait(t, "request", answers).Send(nil)
		}
		for _, c := range came {
			if o := wait(t, "answer", c); o.err != nil {
				t.Errorf("a call below the bound ended with %v", o.err)
			}
		}
		go func() { wait(t, "request", answers).Send(nil) }()
		if _, err := Do(t.Context(), w.AtClient, double, &ask{}); err != nil {
			t.Errorf("after that: %v", err)
		}
	}
}

// At the side that handles it, the one above the bound is answered with ErrTooMany.
func TestTooManyCallsAtTheHandler(t *testing.T) {
	answers := make(chan Answer[told], DefaultUnderWay+1)
	for most, cfg := range map[int]*Config{2: {UnderWay: 2}, DefaultUnderWay: nil} {
		w := couple(t, func(w *world) {
			Configure(w.Server, cfg)
			Configure(w.Client, &Config{UnderWay: MaxUnderWay})
			HandleLater(w.Server, double, func(_ *Context, _ *ask, a Answer[told]) { answers <- a })
		})
		var came []<-chan outcome
		for range most {
			came = append(came, goes(w.AtClient, double, &ask{}))
		}
		if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, ErrTooMany) {
			t.Errorf("call %d ended with %v", most+1, err)
		}
		if s := StatsOf(w.Server); s.Refused != 1 || s.Open != most || s.Handled != uint64(most) {
			t.Errorf("counted %+v", s)
		}
		for range most {
			wait(t, "request", answers).Send(nil)
		}
		for _, c := range came {
			if o := wait(t, "answer", c); o.err != nil {
				t.Errorf("a call below the bound ended with %v", o.err)
			}
		}
	}
}

// Calls that are made while their conn is being lost end with it, each once.
func TestCallsMadeInOnLost(t *testing.T) {
	for _, before := range []bool{false, true} {
		s, c := newSide(false), newSide(true)
		ended := make(chan error, 10)
		fn := func(_ *told, err error) { ended <- err }
		c.Cfg.OnLost = func(conn *peer.Conn, _ error) {
			Go(conn, double, &ask{}, 0, fn)
		}
		w := peertest.OverMemory(false)(t, s, c, func(w *world) {
			Handle(w.Server, double, doubles)
			HandleLater(w.Server, other, func(*Context, *ask, Answer[told]) {}) // never answers
		})
		n := 1
		if before {
			Go(w.AtClient, other, &ask{}, time.Hour, fn)
			n++
		}
		w.AtServer.Abort(errors.New("on purpose"))
		for range n {
			if err := wait(t, "end", ended); err == nil {
				t.Error("a call was answered")
			}
		}
		eventually(t, "no call waits", func() bool { return StatsOf(w.Client).Waiting == 0 })
	}
}
