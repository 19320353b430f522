package call

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
)

// key is where recorder puts what travelled into contexts.
type key struct{}

// recorder is a Tracer that has a text travel, and tells what it sees.
type recorder struct {
	t    *testing.T
	made chan string // "name: what it came to" of calls that were made
	done chan string // the same of calls that were handled, after what travelled with them
}

func newRecorder(t *testing.T) *recorder {
	return &recorder{t, make(chan string, 1000), make(chan string, 1000)}
}

func (r *recorder) Making(ctx context.Context, _ *peer.Conn, name string) ([]byte, func(error)) {
	text, _ := ctx.Value(key{}).(string)
	return []byte(text), func(err error) { r.made <- fmt.Sprintf("%s: %v", name, err) }
}

func (r *recorder) Handling(_ *peer.Conn, name string, carried []byte) (context.Context, func(error)) {
	text := string(carried)
	return context.WithValue(context.Background(), key{}, text), func(err error) { r.done <- fmt.Sprintf("%s %s: %v", text, name, err) }
}

func (r *recorder) want(from <-chan string, want string) {
	r.t.Helper()
	if got := wait(r.t, "end of a call", from); !strings.HasPrefix(got, want) {
		r.t.Errorf("traced %q, want %q", got, want)
	}
}

// traced gives both sides the same Tracer, and handlers that answer with what has travelled.
func traced(r *recorder) func(w *world) {
	return func(w *world) {
		Configure(w.Server, &Config{Tracer: r})
		Configure(w.Client, &Config{Tracer: r})
		Handle(w.Server, double, func(c *Context, q *ask) (*told, error) {
			if q.N == 0 {
				return nil, poor
			}
			text, _ := c.Value(key{}).(string)
			return &told{Text: text}, nil
		})
		HandleLater(w.Server, other, func(c *Context, q *ask, a Answer[told]) {
			GoFrom(c, c.Conn(), back, q, 0, func(r *told, err error) {
				if err != nil {
					a.Fail(err)
					return
				}
				a.Send(r)
			})
		})
		Handle(w.Client, back, func(c *Context, q *ask) (*told, error) {
			if q.N == 0 {
				return nil, missing
			}
			text, _ := c.Value(key{}).(string)
			return &told{Text: text}, nil
		})
	}
}

// What a Tracer gives comes to the handler's context, through a call that this makes too, and
// the end of each call is told once.
func TestContextsTravel(t *testing.T) {
	var r *recorder
	everywhere(t, func(w *world) {
		r = newRecorder(t)
		traced(r)(w)
	}, func(t *testing.T, w *world) {
		r.t = t
		for n := range 10 {
			text := fmt.Sprint("text ", n)
			ctx := context.WithValue(t.Context(), key{}, text)
			for _, call := range []Call[ask, told]{double, other} {
				if a, err := Do(ctx, w.AtClient, call, &ask{N: 1}); err != nil || a.Text != text {
					t.Fatalf("answered %+v, %v", a, err)
				}
			}
			r.want(r.done, text+" test:double: <nil>")
			r.want(r.made, "test:double: <nil>")
			r.want(r.done, text+" test:back: <nil>")
			r.want(r.made, "test:back: <nil>")
			r.want(r.done, text+" test:other: <nil>")
			r.want(r.made, "test:other: <nil>")
		}
		if len(r.made)+len(r.done) > 0 {
			t.Errorf("%d and %d ends more than calls", len(r.made), len(r.done))
		}
	})
}

// However a call ends, both Tracers are told.
func TestEndsAreTraced(t *testing.T) {
	r := newRecorder(t)
	w := couple(t, func(w *world) {
		traced(r)(w)
		HandleLater(w.Server, reused, func(c *Context, q *ask, a Answer[told]) {
			if q.N == 1 {
				panic("a secret")
			}
		})
	})
	ctx := context.WithValue(t.Context(), key{}, "it")
	Do(ctx, w.AtClient, double, &ask{})
	r.want(r.done, "it test:double: "+poor.Error())
	r.want(r.made, "test:double: "+poor.Error())

	Do(ctx, w.AtClient, other, &ask{})
	r.want(r.done, "it test:back: "+missing.Error())
	r.want(r.done, "it test:other: ")
	r.want(r.made, "test:back: "+missing.Error())
	r.want(r.made, "test:other: "+missing.Error())

	Do(ctx, w.AtClient, reused, &ask{N: 1})
	r.want(r.done, "it test:reused: ")
	r.want(r.made, "test:reused: "+ErrInternal.Error())

	brief, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	Do(brief, w.AtClient, reused, &ask{})
	r.want(r.made, "test:reused: "+ErrTimeout.Error())
	r.want(r.done, "it test:reused: ")

	cancelled, cancel := context.WithCancel(ctx)
	time.AfterFunc(time.Millisecond, cancel)
	Do(cancelled, w.AtClient, reused, &ask{})
	r.want(r.made, "test:reused: context canceled")
	r.want(r.done, "it test:reused: ")

	GoFrom(ctx, w.AtClient, reused, &ask{}, -1, func(*told, error) {})
	r.want(r.made, "test:reused: "+ErrTimeout.Error())

	gone := make(chan error, 1)
	GoFrom(ctx, w.AtClient, reused, &ask{}, 0, func(_ *told, err error) { gone <- err })
	Do(ctx, w.AtClient, double, &ask{N: 1}) // the call before has come
	r.want(r.done, "it test:double")
	r.want(r.made, "test:double")
	w.AtClient.Close()
	if err := wait(t, "end of the call", gone); err == nil {
		t.Error("a call outlived its conn")
	}
	r.want(r.made, "test:reused: ")
	r.want(r.done, "it test:reused: ")
	if len(r.made)+len(r.done) > 0 {
		t.Errorf("%d and %d ends more than calls", len(r.made), len(r.done))
	}
}

// A side without a Tracer is asked for nothing, and calls as ever.
func TestOneTracer(t *testing.T) {
	for _, atServer := range []bool{true, false} {
		r := newRecorder(t)
		w := couple(t, func(w *world) {
			traced(r)(w)
			if atServer {
				Configure(w.Client, nil)
			} else {
				Configure(w.Server, nil)
			}
		})
		if !w.AtClient.Uses(FeatureTrace) {
			t.Fatal("the test is of sides that both have announced the feature")
		}
		ctx := context.WithValue(t.Context(), key{}, "it")
		if _, err := Do(ctx, w.AtClient, double, &ask{N: 1}); err != nil {
			t.Error(err)
		}
	}
	w := couple(t, func(w *world) {
		Handle(w.Server, double, doubles)
		Configure(w.Client, &Config{Tracer: newRecorder(t)})
	})
	if w.AtClient.Uses(FeatureTrace) {
		t.Error("the feature is in force with one side that has it")
	}
	if _, err := Do(context.WithValue(t.Context(), key{}, "it"), w.AtClient, double, &ask{N: 1}); err != nil {
		t.Error(err)
	}
}

// What travels and cannot be read ends its conn.
func TestMalformedCarried(t *testing.T) {
	for what, payload := range map[string][]byte{
		"nothing":         {},
		"no array":        {0xc0},
		"one element":     {0x91, 1},
		"no id":           {0x92, 0xa0, 0xa0},
		"no text":         {0x92, 1, 2},
		"three elements":  {0x93, 1, 0xa0, 0xa0},
		"bytes behind it": {0x92, 1, 0xa0, 0xc0},
		"too much":        codec.AppendBytes([]byte{0x92, 1}, make([]byte, MaxCarried+1)),
	} {
		r := newRecorder(t)
		w := couple(t, traced(r))
		lost := make(chan error, 1)
		w.AtServer.OnLost(func(reason error) { lost <- reason })
		if err := w.AtClient.SendExtension(FeatureTrace, payload); err != nil {
			t.Fatal(err)
		}
		if err := wait(t, "end of the conn", lost); !errors.Is(err, peer.ReasonPayload) {
			t.Errorf("%s: ended with %v", what, err)
		}
	}
}

// What travelled for calls that never come is bounded.
func TestCarriedIsBounded(t *testing.T) {
	r := newRecorder(t)
	w := couple(t, traced(r))
	for n := range 10 * carriedKept {
		payload := codec.AppendUint([]byte{0x92}, uint64(1000+n))
		if err := w.AtClient.SendExtension(FeatureTrace, codec.AppendString(payload, "flood")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Do(context.WithValue(t.Context(), key{}, "it"), w.AtClient, double, &ask{N: 1}); err != nil {
		t.Fatal(err)
	}
	r.want(r.done, "it test:double")
	kept := make(chan int)
	w.AtServer.Loop().Post(func() { kept <- len(callsOf(w.AtServer).carried) })
	if n := wait(t, "number", kept); n >= carriedKept {
		t.Errorf("%d are kept of at most %d", n, carriedKept)
	}
}
