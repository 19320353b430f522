package otel_test

import (
	"context"
	"fmt"
	"log"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/otel"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// A client's call and what the server does for it are one trace.
func Example() {
	spans := tracetest.NewSpanRecorder() // a program has an exporter
	tracer := otel.NewTracer(&otel.Config{Provider: sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))})

	double := call.Define[int, int]("math:double", 40)
	reg := registry.New()
	reg.MustAdd(double.Packets()...)
	srv := peer.NewMemoryServer(reg, nil)
	defer srv.Close()
	call.Configure(srv, &call.Config{Tracer: tracer})
	call.Handle(srv, double, func(_ *call.Context, n *int) (*int, error) {
		twice := 2 * *n
		return &twice, nil
	})
	if err := srv.RunAsync(); err != nil {
		log.Fatal(err)
	}

	far := registry.NewAdapting()
	far.MustAdd(double.Packets()...)
	cli := peer.NewMemoryClient(far, nil)
	defer cli.Close()
	call.Configure(cli, &call.Config{Tracer: tracer})
	if err := cli.RunAsync(); err != nil {
		log.Fatal(err)
	}
	c, err := cli.Connect(context.Background(), srv)
	if err != nil {
		log.Fatal(err)
	}
	n := 21
	answer, err := call.Do(context.Background(), c, double, &n)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*answer)
	for _, s := range spans.Ended() {
		fmt.Println(s.Name(), s.SpanKind(), s.SpanContext().TraceID() == spans.Ended()[0].SpanContext().TraceID())
	}
	// Output:
	// 42
	// math:double server true
	// math:double client true
}
