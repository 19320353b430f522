package grpcpeer

// Unary calls of protobuf messages, with the library's own codec.

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/echopb"
)

const unaryMethod = "Call"

// unary is what protoc-gen-go-grpc would write for a method that answers with what
// it was asked.
var unary = grpc.MethodDesc{
	MethodName: unaryMethod,
	Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		in := new(echopb.Echo)
		if err := decode(in); err != nil {
			return nil, err
		}
		answer := func(_ context.Context, in any) (any, error) { return in, nil }
		if intercept == nil {
			return answer(ctx, in)
		}
		return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: "/" + service + "/" + unaryMethod}, answer)
	},
}

func newUnaryServer() *grpc.Server {
	s := grpc.NewServer()
	s.RegisterService(&grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{unary}}, nil)
	return s
}

// CallUnary puts a load of unary calls on a server in mode call.
func CallUnary(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.TypedCalls(ctx, cfg, func(ctx context.Context) (caller.Typed, error) {
		cc, err := grpc.NewClient("passthrough:///"+cfg.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		if err := connect(ctx, cc); err != nil {
			cc.Close()
			return nil, err
		}
		return client{cc}, nil
	})
}

// connect waits until a conn is up: a client connects at its first call otherwise.
func connect(ctx context.Context, cc *grpc.ClientConn) error {
	cc.Connect()
	for {
		state := cc.GetState()
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			return fmt.Errorf("grpcpeer: the conn is in state %v", state)
		}
		if !cc.WaitForStateChange(ctx, state) {
			return ctx.Err()
		}
	}
}

type client struct{ *grpc.ClientConn }

func (c client) Call(ask, answer *caller.Value) error {
	var reply echopb.Echo
	if err := c.Invoke(context.Background(), "/"+service+"/"+unaryMethod, echopb.From(ask), &reply); err != nil {
		return err
	}
	reply.Fill(answer)
	return nil
}
