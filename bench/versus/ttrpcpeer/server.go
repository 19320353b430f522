package ttrpcpeer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	service = "bench.Echo"
	method  = "Echo"
)

func echo(_ context.Context, unmarshal func(any) error) (any, error) {
	var m wrapperspb.BytesValue
	if err := unmarshal(&m); err != nil {
		return nil, err
	}
	return &m, nil
}

// Serve serves at addr until ctx is done: payloads in mode raw, messages with fields
// in mode call.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	answer, ok := map[string]ttrpc.Method{"raw": echo, "call": echoTyped}[mode]
	if !ok {
		return fmt.Errorf("ttrpcpeer: no mode %q: want raw or call", mode)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s, err := ttrpc.NewServer()
	if err != nil {
		ln.Close()
		return err
	}
	s.RegisterService(service, &ttrpc.ServiceDesc{Methods: map[string]ttrpc.Method{method: answer}})
	defer context.AfterFunc(ctx, func() { s.Close() })()
	fmt.Fprintln(out, "listening", ln.Addr())
	if err := s.Serve(context.WithoutCancel(ctx), ln); ctx.Err() == nil || !errors.Is(err, ttrpc.ErrServerClosed) {
		return err
	}
	return nil
}
