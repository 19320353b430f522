package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// crowd is a number of polite conns: each echoes, pauses, and echoes again,
// until the crowd is sent home.
type crowd struct {
	exact   bool
	pause   time.Duration // on average
	cancel  context.CancelFunc
	members sync.WaitGroup
	conns   []*conn

	mu    sync.Mutex
	times []time.Duration // of the echoes since the last cut
	total int
	worst time.Duration // of all echoes
	err   error         // the first
}

// gather connects n and sets them going.
func gather(ctx context.Context, s *server, n int, pause time.Duration) (*crowd, error) {
	c := &crowd{exact: s.env.mode != "any", pause: pause}
	ctx, c.cancel = context.WithCancel(ctx)
	for range n {
		member, err := s.connect(ctx)
		if err != nil {
			c.home()
			return nil, err
		}
		c.conns = append(c.conns, member)
	}
	for i, member := range c.conns {
		c.members.Go(func() { c.talk(ctx, member, uint64(i)+1) })
	}
	return c, nil
}

// talk is what each does.
func (c *crowd) talk(ctx context.Context, member *conn, tag uint64) {
	for seq := uint64(1); sleep(ctx, rand.N(2*c.pause)) == nil; seq++ {
		began := time.Now()
		err := member.echo(packet{tag, seq, 64}, c.exact)
		if ctx.Err() != nil {
			return
		}
		c.note(time.Since(began), err)
		if err != nil {
			return
		}
	}
}

func (c *crowd) note(took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if c.err == nil {
			c.err = fmt.Errorf("after %d echoes of a crowd of %d: %w", c.total, len(c.conns), err)
		}
		return
	}
	c.total++
	c.worst = max(c.worst, took)
	c.times = append(c.times, took)
}

// round lets d pass and returns the 99th percentile of what was echoed in it.
func (c *crowd) round(ctx context.Context, d time.Duration) (time.Duration, error) {
	c.cut()
	began := time.Now()
	if err := sleep(ctx, d); err != nil {
		return 0, err
	}
	return c.since(began), nil
}

// since is the 99th percentile of what was echoed since the last cut, which was
// at began. If nothing was, all have waited since then.
func (c *crowd) since(began time.Time) time.Duration {
	times := c.cut()
	if len(times) == 0 {
		return time.Since(began)
	}
	return quantile(times, 0.99)
}

// slowest is the slowest of what was echoed since the last cut.
func (c *crowd) slowest() time.Duration { return quantile(c.cut(), 1) }

func (c *crowd) cut() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := c.times
	c.times = nil
	return times
}

// home ends it; it returns how many echoes there were, the slowest of them, and
// the first that failed.
func (c *crowd) home() (total int, worst time.Duration, err error) {
	c.cancel()
	for _, member := range c.conns {
		member.SetDeadline(time.Now())
	}
	c.members.Wait()
	for _, member := range c.conns {
		member.Close()
	}
	return c.total, c.worst, c.err
}

// median is of the p99s of rounds: one that other work on the machine spoils
// does not count.
func median(rounds []time.Duration) time.Duration { return quantile(rounds, 0.5) }

// quantile is the nearest rank; 0 of none.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Sorted(slices.Values(d))
	return d[min(int(q*float64(len(d))), len(d)-1)]
}
