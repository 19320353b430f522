package grpcpeer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"google.golang.org/grpc"
)

const service = "bench.Echo"

// The streams of the server.
var (
	Echo = grpc.StreamDesc{
		StreamName:    "Echo",
		Handler:       func(_ any, s grpc.ServerStream) error { return echo(s) },
		ServerStreams: true,
		ClientStreams: true,
	}
	Sink = grpc.StreamDesc{ // takes messages, and answers the end of them with an empty one
		StreamName:    "Sink",
		Handler:       func(_ any, s grpc.ServerStream) error { return sink(s) },
		ClientStreams: true,
	}
)

// echo answers a stream's messages until its client has no more.
func echo(s grpc.ServerStream) error {
	var m message
	for {
		if err := s.RecvMsg(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.SendMsg(&m); err != nil {
			return err
		}
	}
}

// sink takes a stream's messages.
func sink(s grpc.ServerStream) error {
	var m message
	for {
		if err := s.RecvMsg(&m); err == io.EOF {
			return s.SendMsg(new(message))
		} else if err != nil {
			return err
		}
		m.free()
	}
}

// NewServer makes a server of both streams with grpc's default options.
func NewServer() *grpc.Server {
	s := grpc.NewServer(grpc.ForceServerCodecV2(codec{}))
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*any)(nil),
		Streams:     []grpc.StreamDesc{Echo, Sink},
	}, nil)
	return s
}

// Serve serves at addr until ctx is done: streams in mode raw, unary calls in mode call.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	var s *grpc.Server
	switch mode {
	case "raw":
		s = NewServer()
	case "call":
		s = newUnaryServer()
	default:
		return fmt.Errorf("grpcpeer: no mode %q: want raw or call", mode)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, s.Stop)()
	fmt.Fprintln(out, "listening", ln.Addr())
	if err := s.Serve(ln); ctx.Err() == nil || !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}
