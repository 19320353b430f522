package harness

// What the nodes of a cluster take while nothing happens.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/bench/versus/clock"
	"github.com/packetmq/packetmq/bench/versus/result"
)

const (
	// restWindow is for how long nodes are looked at: some tens of the hellos that they exchange.
	restWindow = 5 * time.Second

	// restAfter is how long nodes have before that to come to rest, the collector among the rest.
	restAfter = 2 * time.Second

	restRounds = 3
)

// rest measures the nodes' CPU time and memory, of which the sample has the mean. The conns of its load
// are the nodes.
func (t *trial) rest(ctx context.Context, s *result.Sample) error {
	nodes := t.process.members()[1:] // without the process that has started them
	if err := sleep(ctx, restAfter); err != nil {
		return err
	}
	machine, began := machineUsage(), time.Now()
	from, err := clock.Of(nodes...)
	if err != nil {
		return err
	}
	if err := sleep(ctx, restWindow); err != nil {
		return err
	}
	to, err := clock.Of(nodes...)
	if err != nil {
		return err
	}
	s.Seconds, s.ServerCPU, s.Conns = time.Since(began).Seconds(), to-from, len(nodes)
	s.Noise = noise(machine, machineUsage(), s.ServerCPU)
	rss, err := rssOf(nodes)
	s.RSS = float64(rss) / float64(len(nodes))
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
