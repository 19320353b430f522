package call

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Do returns what the handler returned.
func TestDoReturnsTheAnswer(t *testing.T) {
	everywhere(t, func(w *world) { Handle(w.Server, double, doubles) }, func(t *testing.T, w *world) {
		for n := range 100 {
			a, err := Do(t.Context(), w.AtClient, double, &ask{n, "text"})
			if err != nil || *a != (told{2 * n, "text"}) {
				t.Fatalf("got %+v, %v for %d", a, err, n)
			}
		}
	})
}

// A server calls its client, while it is called by it.
func TestCallsGoBothWays(t *testing.T) {
	everywhere(t, func(w *world) {
		HandleLater(w.Server, double, func(c *Context, q *ask, a Answer[told]) {
			Go(c.Conn(), back, q, 0, func(r *told, err error) {
				if err != nil {
					a.Fail(err)
					return
				}
				a.Send(r)
			})
		})
		Handle(w.Client, back, doubles)
	}, func(t *testing.T, w *world) {
		for n := range 20 {
			a, err := Do(t.Context(), w.AtClient, double, &ask{N: n})
			if err != nil || a.N != 2*n {
				t.Fatalf("got %+v, %v for %d", a, err, n)
			}
		}
	})
}

// Many goroutines each get the answers to their own calls.
func TestEachCallerGetsItsOwnAnswer(t *testing.T) {
	everywhere(t, func(w *world) { Handle(w.Server, double, doubles) }, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for n := range 50 {
					text := fmt.Sprint(g)
					a, err := Do(t.Context(), w.AtClient, double, &ask{n, text})
					if err != nil || a.N != 2*n || a.Text != text {
						t.Errorf("got %+v, %v for %d of %d", a, err, n, g)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// On a loop Do returns at once, with an error that names Go.
func TestDoOnALoopNamesGo(t *testing.T) {
	w := couple(t, func(w *world) { Handle(w.Server, double, doubles) })
	got := make(chan error, 1)
	w.AtClient.Loop().Post(func() {
		_, err := Do(context.Background(), w.AtClient, double, &ask{})
		got <- err
	})
	err := wait(t, "error", got)
	if !errors.Is(err, ErrOnLoop) || !errors.Is(err, engine.ErrOnLoop) {
		t.Errorf("got %v", err)
	}
}

// What cannot be called is an error at once.
func TestDoWithoutAConnOrACall(t *testing.T) {
	w := couple(t, func(*world) {})
	if _, err := Do(t.Context(), nil, double, &ask{}); !errors.Is(err, peer.ErrNoConn) {
		t.Errorf("no conn: %v", err)
	}
	if _, err := Do(t.Context(), w.AtClient, Call[ask, told]{}, &ask{}); !errors.Is(err, ErrUndefined) {
		t.Errorf("a zero call: %v", err)
	}
	//lint:ignore SA1012 that is what is tested
	if _, err := Do(nil, w.AtClient, double, &ask{}); !errors.Is(err, peer.ErrNil) {
		t.Errorf("no context: %v", err)
	}
	if _, err := Do(t.Context(), w.AtClient, Define[ask, told]("test:unknown", 90), &ask{}); !errors.Is(err, peer.ErrNoPacket) {
		t.Errorf("a call of no registry: %v", err)
	}
}

// Calls in handlers of calls, to and fro.
func TestCallsInHandlersOfCalls(t *testing.T) {
	// deeper answers with how many calls were nested in it.
	deeper := func(_ *Context, q *ask, a Answer[told], next Call[ask, told], c *peer.Conn) {
		if q.N == 0 {
			a.Send(&told{})
			return
		}
		Go(c, next, &ask{N: q.N - 1}, 0, func(r *told, err error) {
			if err != nil {
				a.Fail(err)
				return
			}
			a.Send(&told{N: r.N + 1})
		})
	}
	everywhere(t, func(w *world) {
		HandleLater(w.Server, double, func(c *Context, q *ask, a Answer[told]) { deeper(c, q, a, back, c.Conn()) })
		HandleLater(w.Client, back, func(c *Context, q *ask, a Answer[told]) { deeper(c, q, a, double, c.Conn()) })
	}, func(t *testing.T, w *world) {
		if a, err := Do(t.Context(), w.AtClient, double, &ask{N: 50}); err != nil || a.N != 50 {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}
