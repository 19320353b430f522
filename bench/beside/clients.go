package beside

import (
	"context"
	"slices"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

const (
	clients = 64                   // players, and as many reporters
	pause   = 7 * time.Millisecond // between two inputs of players, and between two reports, of all together
)

// measure is how late the snapshots of a window were.
func measure(ctx context.Context, game, telemetry string, window time.Duration) ([]time.Duration, error) {
	r := engine.New(nil)
	defer r.Close()
	p := newPackets(registry.NewAdapting())
	cli := peer.NewClient(p.reg, &peer.Config{Reactor: r})
	var late []time.Duration
	peer.Handle(cli, p.snapshot, func(_ *peer.Conn, s *snapshot) error {
		late = append(late, time.Duration(time.Now().UnixNano()-s.Due))
		return nil
	})
	peer.Handle(cli, p.report, func(*peer.Conn, *int64) error { return nil })
	if err := r.RunAsync(); err != nil {
		return nil, err
	}
	for _, addr := range []string{game, telemetry} {
		var conns []*peer.Conn
		for range clients {
			c, err := cli.Connect(ctx, addr)
			if err != nil {
				return nil, err
			}
			conns = append(conns, c)
		}
		n := 0
		r.Every(pause, func() {
			n++
			v := int64(n)
			peer.Send(conns[n%clients], p.report, &v)
		})
	}
	const settle = 200 * time.Millisecond // of what connecting has stirred up
	if err := sleep(ctx, settle); err != nil {
		return nil, err
	}
	r.Post(func() { late = nil })
	if err := sleep(ctx, window); err != nil {
		return nil, err
	}
	err := r.Loops()[0].Call(ctx, func() { late = slices.Clone(late) })
	r.Close()
	return late, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
