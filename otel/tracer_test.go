package otel

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/peertest"
)

type ask struct{ N int }
type told struct{ N int }

var (
	buy   = call.Define[ask, told]("shop:buy", 40)
	ready = call.Define[ask, told]("shop:ready", 42)
	poor  = call.DefineError("shop:poor")
)

func newSide(adapt bool) *peertest.Side {
	s := peertest.NewSide(adapt)
	s.Reg.MustAdd(buy.Packets()...)
	s.Reg.MustAdd(ready.Packets()...)
	if err := call.AddErrors(s.Reg, poor); err != nil {
		panic(err)
	}
	return s
}

// recording is where the spans of a test come.
type recording struct {
	spans *tracetest.SpanRecorder
	cfg   *Config
}

func newRecording() *recording {
	r := &recording{spans: tracetest.NewSpanRecorder()}
	r.cfg = &Config{Provider: sdk.NewTracerProvider(sdk.WithSpanProcessor(r.spans)), Attributes: []attribute.KeyValue{attribute.String("shard", "7")}}
	return r
}

// wait waits for n spans to have ended, and returns them by name and kind.
func (r *recording) wait(t *testing.T, n int) map[string]sdk.ReadOnlySpan {
	t.Helper()
	await.True(t, "spans that have ended", func() bool { return len(r.spans.Ended()) == n })
	spans := make(map[string]sdk.ReadOnlySpan)
	for _, s := range r.spans.Ended() {
		spans[s.Name()+" "+s.SpanKind().String()] = s
	}
	if len(spans) != n {
		t.Fatalf("%d spans of different names and kinds, want %d", len(spans), n)
	}
	return spans
}

// traced gives both sides a Tracer each. A shop asks its customer while it is asked.
func traced(r *recording) func(w *peertest.World) {
	return func(w *peertest.World) {
		call.Configure(w.Server, &call.Config{Tracer: NewTracer(r.cfg)})
		call.Configure(w.Client, &call.Config{Tracer: NewTracer(r.cfg)})
		call.HandleLater(w.Server, buy, func(c *call.Context, q *ask, a call.Answer[told]) {
			switch q.N {
			case 1:
				a.Fail(poor)
				return
			case 2:
				a.Fail(errors.New("disk full"))
				return
			case 3:
				return // too late
			}
			call.GoFrom(c, c.Conn(), ready, q, 0, func(r *told, err error) { a.Send(r) })
		})
		call.Handle(w.Client, ready, func(c *call.Context, q *ask) (*told, error) {
			trace.SpanFromContext(c).AddEvent("asked")
			return &told{len(baggage.FromContext(c).Member("user").Value())}, nil
		})
	}
}

func TestSpansBelongTogether(t *testing.T) {
	var r *recording
	peertest.Everywhere(t, newSide, func(w *peertest.World) { r = newRecording(); traced(r)(w) }, func(t *testing.T, w *peertest.World) {
		user, err := baggage.NewMember("user", "anna")
		if err != nil {
			t.Fatal(err)
		}
		bag, err := baggage.New(user)
		if err != nil {
			t.Fatal(err)
		}
		ctx, root := r.cfg.Provider.Tracer("test").Start(baggage.ContextWithBaggage(t.Context(), bag), "shopping")
		a, err := call.Do(ctx, w.AtClient, buy, &ask{})
		if err != nil || a.N != 4 {
			t.Fatalf("answered %+v, %v: the baggage did not travel", a, err)
		}
		root.End()
		spans := r.wait(t, 5)
		parent := root.SpanContext()
		for _, name := range []string{"shop:buy client", "shop:buy server", "shop:ready client", "shop:ready server"} {
			s := spans[name]
			if s == nil {
				t.Fatalf("there is no span %s among %v", name, spans)
			}
			if s.Parent().SpanID() != parent.SpanID() || s.SpanContext().TraceID() != parent.TraceID() {
				t.Errorf("%s is under %v, want %v", name, s.Parent(), parent)
			}
			if s.Status().Code != codes.Unset {
				t.Errorf("%s has status %v", name, s.Status())
			}
			want := attribute.NewSet(attribute.String("rpc.system", "packetmq"), attribute.String("rpc.service", "shop"), attribute.String("shard", "7"))
			got := attribute.NewSet(s.Attributes()...)
			for _, kv := range want.ToSlice() {
				if v, _ := got.Value(kv.Key); v != kv.Value {
					t.Errorf("%s has %s = %v, want %v", name, kv.Key, v.String(), kv.Value.String())
				}
			}
			parent = s.SpanContext()
		}
		if n := len(spans["shop:ready server"].Events()); n != 1 {
			t.Errorf("%d events of the handler's, want 1", n)
		}
	})
}

func TestErrorsAreStatus(t *testing.T) {
	for _, test := range []struct {
		n          int
		clientType string
		client     codes.Code
		serverType string
		server     codes.Code
	}{
		{1, "shop:poor", codes.Error, "shop:poor", codes.Unset},
		{2, "packetmq:internal", codes.Error, "_OTHER", codes.Error},
		{3, "timeout", codes.Error, "timeout", codes.Error},
	} {
		r := newRecording()
		w := peertest.OverMemory(false)(t, newSide(false), newSide(true), traced(r))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if test.n == 3 {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
		}
		call.Do(ctx, w.AtClient, buy, &ask{test.n})
		cancel()
		spans := r.wait(t, 2)
		for kind, want := range map[string]struct {
			errorType string
			code      codes.Code
		}{"client": {test.clientType, test.client}, "server": {test.serverType, test.server}} {
			s := spans["shop:buy "+kind]
			set := attribute.NewSet(s.Attributes()...)
			if got, _ := set.Value("error.type"); got.AsString() != want.errorType || s.Status().Code != want.code {
				t.Errorf("call %d, %s: %s %v, want %s %v", test.n, kind, got.AsString(), s.Status(), want.errorType, want.code)
			}
		}
	}
}

// A side that traces and one that does not call each other as ever.
func TestOneSideTraces(t *testing.T) {
	r := newRecording()
	w := peertest.OverMemory(false)(t, newSide(false), newSide(true), func(w *peertest.World) {
		call.Handle(w.Server, buy, func(*call.Context, *ask) (*told, error) { return &told{7}, nil })
		call.Configure(w.Client, &call.Config{Tracer: NewTracer(r.cfg)})
	})
	if a, err := call.Do(t.Context(), w.AtClient, buy, &ask{}); err != nil || a.N != 7 {
		t.Errorf("answered %+v, %v", a, err)
	}
	r.wait(t, 1)
}
