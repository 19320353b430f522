package grpcpeer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"google.golang.org/grpc"
)

const method = "/bench.Echo/Echo"

var stream = grpc.StreamDesc{
	StreamName:    "Echo",
	Handler:       func(_ any, s grpc.ServerStream) error { return echo(s) },
	ServerStreams: true,
	ClientStreams: true,
}

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

// NewServer makes a server of the echo with grpc's default options.
func NewServer() *grpc.Server {
	s := grpc.NewServer(grpc.ForceServerCodecV2(codec{}))
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bench.Echo",
		HandlerType: (*any)(nil),
		Streams:     []grpc.StreamDesc{stream},
	}, nil)
	return s
}

// Serve serves at addr until ctx is done. The mode can only be raw.
func Serve(ctx context.Context, addr, mode string, out io.Writer) error {
	if mode != "raw" {
		return fmt.Errorf("grpcpeer: no mode %q: want raw", mode)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	s := NewServer()
	defer context.AfterFunc(ctx, s.Stop)()
	fmt.Fprintln(out, "listening", ln.Addr())
	if err := s.Serve(ln); ctx.Err() == nil || !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}
