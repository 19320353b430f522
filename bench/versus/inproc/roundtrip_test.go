package inproc

import (
	"io"
	"net"
	"testing"

	"github.com/packetmq/packetmq/bench/versus/grpcpeer"
	"github.com/packetmq/packetmq/bench/versus/natspeer"
	"github.com/packetmq/packetmq/peer"
)

// One packet to the other side and back, one at a time.
func BenchmarkRoundTrip(b *testing.B) {
	b.Run("packetmq=raw", memoryRoundTrip)
	b.Run("packetmq=typed", memoryRoundTripTyped)
	b.Run("net.Pipe", pipeRoundTrip)
	b.Run("channel", channelRoundTrip)
	b.Run("grpc", grpcRoundTrip)
	b.Run("nats", natsRoundTrip)
}

func memoryRoundTrip(b *testing.B) {
	payload := make([]byte, size)
	done := make(chan struct{})
	n := 0
	c, ours := couple(b, func(h peer.Host, s *side) {
		peer.HandleRaw(h, s.echo, func(c *peer.Conn, p []byte) error { return c.ReplyRaw(s.reply.In(s.reg), p) })
	}, func(h peer.Host, s *side) {
		peer.HandleRaw(h, s.reply, func(c *peer.Conn, _ []byte) error {
			if n++; n == b.N {
				close(done)
				return nil
			}
			return c.ReplyRaw(s.echo.In(s.reg), payload)
		})
	})
	measure(b, func() {
		c.Loop().Post(func() { c.ReplyRaw(ours.echo.In(ours.reg), payload) })
		<-done
	})
}

func memoryRoundTripTyped(b *testing.B) {
	v := newNote()
	done := make(chan struct{})
	n := 0
	c, ours := couple(b, func(h peer.Host, s *side) {
		peer.Handle(h, s.echo, func(c *peer.Conn, v *note) error { return peer.Reply(c, s.reply, v) })
	}, func(h peer.Host, s *side) {
		peer.Handle(h, s.reply, func(c *peer.Conn, v *note) error {
			if n++; n == b.N {
				close(done)
				return nil
			}
			return peer.Reply(c, s.echo, v)
		})
	})
	measure(b, func() {
		c.Loop().Post(func() { peer.Reply(c, ours.echo, v) })
		<-done
	})
}

func pipeRoundTrip(b *testing.B) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		buf := make([]byte, size)
		for {
			if _, err := io.ReadFull(far, buf); err != nil {
				return
			}
			if _, err := far.Write(buf); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, size)
	measure(b, func() {
		for range b.N {
			if _, err := near.Write(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(near, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func channelRoundTrip(b *testing.B) {
	to, from := make(chan [size]byte), make(chan [size]byte)
	defer close(to)
	go func() {
		for v := range to {
			from <- v
		}
	}()
	var v [size]byte
	measure(b, func() {
		for range b.N {
			to <- v
			v = <-from
		}
	})
}

func grpcRoundTrip(b *testing.B) {
	s := overBufconn(b, &grpcpeer.Echo)
	payload := make([]byte, size)
	measure(b, func() {
		for range b.N {
			must(b, s.Send(payload))
			if _, err := s.Recv(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func natsRoundTrip(b *testing.B) {
	nc, err := newBroker(b).Dial()
	must(b, err)
	c := natspeer.Client{Conn: nc}
	defer c.Close()
	payload := make([]byte, size)
	measure(b, func() {
		for range b.N {
			if _, err := c.Call(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
}
