package grpcpeer

import (
	"bytes"
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"

	"github.com/packetmq/packetmq/bench/versus/caller"
)

// Call puts load on a server. Each conn is a TCP conn with one stream.
func Call(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.Streams(ctx, cfg, func(ctx context.Context) (caller.Stream, error) {
		return Dial(ctx, cfg.Addr, &Echo)
	})
}

// Stream is a stream on a conn of its own. It implements
// caller.Stream.
type Stream struct {
	cc     *grpc.ClientConn
	stream grpc.ClientStream
	in     []byte
}

// Dial connects to the server at target and opens one of its streams. The context is for
// that alone.
func Dial(ctx context.Context, target string, desc *grpc.StreamDesc, opts ...grpc.DialOption) (*Stream, error) {
	cc, err := grpc.NewClient("passthrough:///"+target, append(opts,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{})),
	)...)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { cc.Close() })
	s, err := cc.NewStream(context.WithoutCancel(ctx), desc, "/"+service+"/"+desc.StreamName)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		cc.Close()
		return nil, err
	}
	return &Stream{cc: cc, stream: s}, nil
}

// Send implements caller.Stream. The copy is not from grpc's pool, which gives
// out and clears a whole mebibyte for 64 KiB.
func (s *Stream) Send(payload []byte) error {
	return s.stream.SendMsg(&message{mem.BufferSlice{mem.SliceBuffer(bytes.Clone(payload))}})
}

// Recv implements caller.Stream.
func (s *Stream) Recv() ([]byte, error) {
	var m message
	if err := s.stream.RecvMsg(&m); err != nil {
		return nil, err
	}
	defer m.free()
	s.in = s.in[:0]
	for _, piece := range m.data {
		s.in = append(s.in, piece.ReadOnlyData()...)
	}
	return s.in, nil
}

// End sends no more.
func (s *Stream) End() error { return s.stream.CloseSend() }

// Close closes the conn.
func (s *Stream) Close() error { return s.cc.Close() }
