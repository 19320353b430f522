package attack

// Row rush: hundreds of TLS clients at the same moment.

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// tryRush has 500 clients connect over TLS at the same moment.
func tryRush(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{TLS: true})
	if err != nil {
		return err
	}
	n, rounds := t.pick(500, 100), t.pick(3, 1)
	in, slowest := 0, time.Duration(0)
	for round := range rounds {
		got, took := t.rush(ctx, s, n)
		in, slowest = in+got, max(slowest, took)
		t.show("%d of %d TLS clients got in, %d at a time, the last after %s", in, (round+1)*n, n, figures.Latency(slowest))
	}
	t.check(in == rounds*n, "%d of %d TLS clients got in", in, rounds*n)
	return ctx.Err()
}

// rush has n clients connect at once, and get one reply each.
func (t *trial) rush(ctx context.Context, s *target.Server, n int) (in int, slowest time.Duration) {
	var all sync.WaitGroup
	var got atomic.Int64
	began := make(chan struct{})
	conns := make([]*client.Conn, n)
	for i := range conns {
		all.Go(func() {
			<-began
			c, err := s.Connect(ctx)
			if err == nil {
				conns[i] = c
				err = c.Echo(wire.NewPacket(uint64(i), 1, 64), true)
			}
			if err != nil {
				t.fail("TLS client: %v", err)
				return
			}
			got.Add(1)
		})
	}
	start := time.Now()
	close(began)
	all.Wait()
	slowest = time.Since(start)
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
	return int(got.Load()), slowest
}
