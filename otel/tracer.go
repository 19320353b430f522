package otel

import (
	"context"
	"errors"
	"strings"

	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
)

// scope is the name under which the spans are made.
const scope = "github.com/packetmq/packetmq/otel"

// Config has the settings of a Tracer. The zero Config, and nil, mean the defaults.
type Config struct {
	// Provider makes the spans. Default: the program's global one.
	Provider trace.TracerProvider

	// Propagator says what travels. It must be of a kind that the other side has.
	// Default: W3C Trace Context and baggage. With baggage more than some 1,000 bytes are too
	// much for a call: then nothing travels, and the call is made all the same.
	Propagator propagation.TextMapPropagator

	// Attributes are put on every span besides those of this package. Default: none.
	Attributes []attribute.KeyValue
}

// Tracer implements call.Tracer. Any goroutine may use it, and several peers may have the
// same one.
type Tracer struct {
	spans      trace.Tracer
	propagator propagation.TextMapPropagator
	attributes []attribute.KeyValue
}

var _ call.Tracer = (*Tracer)(nil)

// NewTracer returns a Tracer for call.Config.
func NewTracer(cfg *Config) *Tracer {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if c.Provider == nil {
		c.Provider = global.GetTracerProvider()
	}
	if c.Propagator == nil {
		c.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	return &Tracer{c.Provider.Tracer(scope), c.Propagator, c.Attributes}
}

// Making implements call.Tracer: it begins the span of who makes a call.
func (t *Tracer) Making(ctx context.Context, c *peer.Conn, name string) ([]byte, func(error)) {
	ctx, span := t.spans.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(t.attributesOf(c, name)...))
	m := make(carrier)
	t.propagator.Inject(ctx, m)
	return m.append(nil), func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		end(span, err)
	}
}

// Handling implements call.Tracer: it begins the span of who handles a call, under the one of
// who made it, if that is known.
func (t *Tracer) Handling(c *peer.Conn, name string, carried []byte) (context.Context, func(error)) {
	ctx := t.propagator.Extract(context.Background(), read(carried))
	ctx, span := t.spans.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(t.attributesOf(c, name)...))
	return ctx, func(err error) {
		if err != nil && !meant(err) {
			span.SetStatus(codes.Error, err.Error())
		}
		end(span, err)
	}
}

// meant reports whether an error is an answer that the program has given a name: no fault of
// the side that handles the call.
func meant(err error) bool {
	var named call.NamedError
	var public call.Public
	return errors.As(err, &named) || errors.As(err, &public)
}

// end ends a span.
func end(span trace.Span, err error) {
	if err != nil {
		span.SetAttributes(attribute.String("error.type", typeOf(err)))
	}
	span.End()
}

// typeOf is the name of an error, of which there are few.
func typeOf(err error) string {
	var named call.NamedError
	switch {
	case errors.As(err, &named) && named.Name() != "":
		return named.Name()
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "_OTHER"
}

// attributesOf are the attributes of a span, by the conventions for remote procedure calls.
func (t *Tracer) attributesOf(c *peer.Conn, name string) []attribute.KeyValue {
	service, method, _ := strings.Cut(name, ":")
	list := make([]attribute.KeyValue, 0, 5+len(t.attributes))
	list = append(list,
		attribute.String("rpc.system", "packetmq"),
		attribute.String("rpc.service", service),
		attribute.String("rpc.method", method),
		attribute.Int64("packetmq.conn", int64(c.ID())),
		attribute.String("network.transport", c.Transport()))
	return append(list, t.attributes...)
}
