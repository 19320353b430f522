package inproc

import (
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/bench/versus/grpcpeer"
	"github.com/packetmq/packetmq/peer"
)

// Packets to the other side, until the last has arrived.
func BenchmarkOneWay(b *testing.B) {
	b.Run("packetmq=raw", memoryOneWay)
	b.Run("net.Pipe", pipeOneWay)
	b.Run("channel", channelOneWay)
	b.Run("channel=batches", channelBatches)
	b.Run("grpc", grpcOneWay)
	b.Run("nats", natsOneWay)
}

const batch = 64

func memoryOneWay(b *testing.B) {
	payload := make([]byte, size)
	done := make(chan struct{})
	n := 0
	c, ours := couple(b, func(h peer.Host, s *side) {
		peer.HandleRaw(h, s.echo, func(*peer.Conn, []byte) error {
			if n++; n == b.N {
				close(done)
			}
			return nil
		})
	}, nothing)
	sent, t := 0, ours.echo.In(ours.reg)
	var more func()
	more = func() {
		for range min(batch, b.N-sent) {
			c.ReplyRaw(t, payload)
			sent++
		}
		if sent < b.N {
			c.Loop().Post(more)
		}
	}
	measure(b, func() {
		c.Loop().Post(more)
		<-done
	})
}

func pipeOneWay(b *testing.B) {
	near, far := net.Pipe()
	defer near.Close()
	done := make(chan error, 1)
	go func() {
		defer far.Close()
		buf := make([]byte, size)
		for range b.N {
			if _, err := io.ReadFull(far, buf); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	buf := make([]byte, size)
	measure(b, func() {
		for range b.N {
			if _, err := near.Write(buf); err != nil {
				b.Fatal(err)
			}
		}
		must(b, <-done)
	})
}

func channelOneWay(b *testing.B) {
	to, done := make(chan [size]byte, batch), make(chan struct{})
	go func() {
		for range b.N {
			<-to
		}
		close(done)
	}()
	var v [size]byte
	measure(b, func() {
		for range b.N {
			to <- v
		}
		<-done
	})
}

// Each packet is copied into its batch, and the batches' memory goes round.
func channelBatches(b *testing.B) {
	type packets [][size]byte
	to, free, done := make(chan packets, 4), make(chan packets, 6), make(chan byte)
	for range cap(free) {
		free <- make(packets, 0, batch)
	}
	go func() {
		var sum byte
		for ps := range to {
			for i := range ps {
				sum += ps[i][0]
			}
			free <- ps[:0]
		}
		done <- sum
	}()
	var v [size]byte
	measure(b, func() {
		ps := <-free
		for range b.N {
			if ps = append(ps, v); len(ps) == batch {
				to <- ps
				ps = <-free
			}
		}
		to <- ps
		close(to)
		<-done
	})
}

func grpcOneWay(b *testing.B) {
	s := overBufconn(b, &grpcpeer.Sink)
	payload := make([]byte, size)
	measure(b, func() {
		for range b.N {
			must(b, s.Send(payload))
		}
		must(b, s.End())
		if _, err := s.Recv(); err != nil {
			b.Fatal(err)
		}
	})
}

// What is under way is bounded: NATS drops a subscriber that is too slow.
func natsOneWay(b *testing.B) {
	const subject, ahead = "bench.sink", 32 << 10
	broker := newBroker(b)
	var got atomic.Int64
	done := make(chan struct{})
	sub, err := broker.Dial()
	must(b, err)
	defer sub.Close()
	_, err = sub.Subscribe(subject, func(*nats.Msg) {
		if got.Add(1) == int64(b.N) {
			close(done)
		}
	})
	must(b, err)
	must(b, sub.Flush())
	pub, err := broker.Dial()
	must(b, err)
	defer pub.Close()
	payload := make([]byte, size)
	measure(b, func() {
		for i := range b.N {
			for int64(i)-got.Load() > ahead {
				runtime.Gosched()
			}
			must(b, pub.Publish(subject, payload))
		}
		<-done
	})
}
