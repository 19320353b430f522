// Package otel traces calls with OpenTelemetry: a span at the side that makes a call, and
// one at the side that handles it, which belong to the same trace.
//
//	call.Configure(srv, &call.Config{Tracer: otel.NewTracer(nil)})
//
// The span is in the handler's Context, so that what a handler does with it, calls to other
// peers by call.Do and call.GoFrom among them, belongs to the trace too. What identifies a
// trace travels with each call where both sides have a Tracer. It is what the propagator of
// the program gives, so that a trace goes on in what comes before and after packetmq.
//
// Figures that are sums belong to package prometheus: there are no metrics here.
package otel
