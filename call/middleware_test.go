package call

import (
	"errors"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/middleware"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/registry"
)

// around is a middleware that does f in place of the next one for the requests of double.
func around(f func(in *peer.Incoming, next peer.Next) error) peer.Middleware {
	return func(next peer.Next) peer.Next {
		return func(in *peer.Incoming) error {
			if strings.HasPrefix(in.Packet().Name(), "test:double") {
				return f(in, next)
			}
			return next(in)
		}
	}
}

// What a middleware does with a request, its caller is told.
func TestMiddlewareAnswersCalls(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(in *peer.Incoming, next peer.Next) error
		want *told
		err  error
	}{
		"an error":             {func(*peer.Incoming, peer.Next) error { return poor }, nil, poor},
		"an internal error":    {func(*peer.Incoming, peer.Next) error { return errors.New("a secret") }, nil, ErrInternal},
		"nothing":              {func(*peer.Incoming, peer.Next) error { return nil }, nil, ErrStopped},
		"ErrDrop":              {func(*peer.Incoming, peer.Next) error { return peer.ErrDrop }, nil, ErrStopped},
		"a panic":              {func(*peer.Incoming, peer.Next) error { panic("a secret") }, nil, ErrInternal},
		"a Reply":              {func(*peer.Incoming, peer.Next) error { return Reply(&told{N: 7}) }, &told{N: 7}, nil},
		"a Reply by value":     {func(*peer.Incoming, peer.Next) error { return Reply(told{N: 7}) }, &told{N: 7}, nil},
		"a Reply of something": {func(*peer.Incoming, peer.Next) error { return Reply(7) }, nil, ErrInternal},
		"a Reason":             {func(*peer.Incoming, peer.Next) error { return peer.Reason("x.y") }, nil, peer.Reason("x.y")},
		"another value": {func(in *peer.Incoming, next peer.Next) error {
			v, err := in.Value()
			if err != nil {
				return err
			}
			r := v.(*Request[ask])
			if err := in.SetValue(&Request[ask]{ID: r.ID, MS: r.MS, Body: &ask{N: 10}}); err != nil {
				return err
			}
			return next(in)
		}, &told{N: 20}, nil},
		"the body changed": {func(in *peer.Incoming, next peer.Next) error {
			v, err := in.Value()
			if err != nil {
				return err
			}
			v.(*Request[ask]).Body.N = 11
			return next(in)
		}, &told{N: 22}, nil},
		"the handler's error, swallowed": {func(in *peer.Incoming, next peer.Next) error {
			next(in)
			return nil
		}, nil, ErrStopped},
		"the handler's error, replaced": {func(in *peer.Incoming, next peer.Next) error {
			if err := next(in); !errors.Is(err, missing) {
				return err
			}
			return poor
		}, nil, poor},
	} {
		t.Run(name, func(t *testing.T) {
			handler := func(_ *Context, q *ask) (*told, error) {
				if q.N == 1 {
					return nil, missing
				}
				return &told{N: 2 * q.N}, nil
			}
			w := couple(t, func(w *world) {
				w.Server.Use(around(test.do))
				Handle(w.Server, double, handler)
				Handle(w.Server, other, doubles)
			})
			a, err := Do(t.Context(), w.AtClient, double, &ask{N: 1})
			if !errors.Is(err, test.err) || test.want != nil && (a == nil || *a != *test.want) {
				t.Errorf("got %+v, %v", a, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the caller was told %v", err)
			}
			if _, isReason := test.err.(peer.Reason); isReason {
				return
			}
			if _, err := Do(t.Context(), w.AtClient, other, &ask{}); err != nil {
				t.Errorf("the conn does not go on: %v", err)
			}
		})
	}
}

// A middleware that fails after the handler has answered changes nothing for the caller.
func TestMiddlewareThatFailsAfterTheAnswer(t *testing.T) {
	w := couple(t, func(w *world) {
		w.Server.Use(around(func(in *peer.Incoming, next peer.Next) error {
			if err := next(in); err != nil {
				return err
			}
			panic("after the answer")
		}))
		Handle(w.Server, double, doubles)
	})
	for n := range 3 {
		if a, err := Do(t.Context(), w.AtClient, double, &ask{N: n}); err != nil || a.N != 2*n {
			t.Errorf("got %+v, %v", a, err)
		}
	}
	if s := StatsOf(w.Client); s.Late+s.Duplicate != 0 {
		t.Errorf("counted %+v", s)
	}
}

// A call over a limit is answered with the limiter's error.
func TestALimitedCallIsToldSo(t *testing.T) {
	w := couple(t, func(w *world) {
		w.Server.Use(rate.New(rate.Config{Conn: rate.Limit{PerSecond: 1e-3, Burst: 2}}).Middleware())
		Handle(w.Server, double, doubles)
	})
	for n := range 4 {
		_, err := Do(t.Context(), w.AtClient, double, &ask{N: n})
		if limited := errors.Is(err, rate.ErrLimited); limited != (n >= 2) {
			t.Errorf("call %d: %v", n, err)
		}
	}
}

// With puts middleware around one call's handler, of HandleLater too.
func TestMiddlewareOfOneHandler(t *testing.T) {
	refuse := func(peer.Next) peer.Next { return func(*peer.Incoming) error { return poor } }
	w := couple(t, func(w *world) {
		HandleLater(w.Server, double, func(*Context, *ask, Answer[told]) { t.Error("handled") }, peer.With(refuse))
		Handle(w.Server, other, doubles)
	})
	if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, poor) {
		t.Errorf("got %v", err)
	}
	if _, err := Do(t.Context(), w.AtClient, other, &ask{}); err != nil {
		t.Errorf("the other handler: %v", err)
	}
}

// An answer that a middleware of the caller stops fails its call at once.
func TestMiddlewareThatStopsAnAnswer(t *testing.T) {
	for what, test := range map[string]struct{ does, want error }{
		"nothing":  {nil, ErrStopped},
		"an error": {poor, poor},
	} {
		w := couple(t, func(w *world) {
			w.Client.Use(around(func(*peer.Incoming, peer.Next) error { return test.does }))
			Handle(w.Server, double, doubles)
			Handle(w.Server, other, doubles)
		})
		if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v", what, err)
		}
		if _, err := Do(t.Context(), w.AtClient, other, &ask{}); err != nil {
			t.Errorf("%s: the conn does not go on: %v", what, err)
		}
	}
}

// What cancels a call comes to no middleware.
func TestCancelsPassMiddleware(t *testing.T) {
	handled := make(chan *Context, 1)
	w := couple(t, func(w *world) {
		n := 0
		w.Server.Use(around(func(in *peer.Incoming, next peer.Next) error {
			if n++; n > 1 {
				return poor
			}
			return next(in)
		}))
		HandleLater(w.Server, double, func(c *Context, _ *ask, _ Answer[told]) { handled <- c })
	})
	p := Go(w.AtClient, double, &ask{}, 0, func(*told, error) {})
	c := wait(t, "request", handled)
	p.Cancel()
	wait(t, "end of the context", c.Done())
}

// A call that may not be handled is answered, whatever says so.
func TestACallThatIsNotAuthorised(t *testing.T) {
	for _, test := range []struct{ refuses, want error }{
		{poor, poor}, {peer.ErrDrop, ErrStopped}, {errors.New("secret"), ErrInternal},
	} {
		w := couple(t, func(w *world) {
			may := func(*peer.Conn, *registry.Type) error { return test.refuses }
			Handle(w.Server, double, doubles, peer.With(middleware.Authorise(may)))
		})
		if _, err := Do(t.Context(), w.AtClient, double, &ask{}); !errors.Is(err, test.want) {
			t.Errorf("got %v, want %v", err, test.want)
		}
	}
}
