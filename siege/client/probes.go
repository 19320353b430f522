package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/packetmq/packetmq/siege/wire"
)

// Probes are well-behaved clients that measure the latency of a server. Each sends
// a packet, waits for the reply, compares it, pauses, and goes on until Stop.
type Probes struct {
	// set once
	exact   bool          // replies are compared byte by byte
	pause   time.Duration // on average
	conns   []*Conn
	cancel  context.CancelFunc
	running sync.WaitGroup

	// guarded by mu
	mu    sync.Mutex
	times []time.Duration // of the replies since TakeTimes
	total int             // replies
	worst time.Duration   // of all replies
	err   error           // the first
}

// StartProbes connects n clients, which pause between packets for that long on
// average.
func StartProbes(ctx context.Context, e *Endpoint, n int, pause time.Duration) (*Probes, error) {
	p := &Probes{exact: !e.Reorders, pause: pause}
	ctx, p.cancel = context.WithCancel(ctx)
	for range n {
		c, err := e.Connect(ctx)
		if err != nil {
			p.Stop()
			return nil, err
		}
		p.conns = append(p.conns, c)
	}
	for i, c := range p.conns {
		p.running.Go(func() { p.echo(ctx, c, uint64(i)+1) })
	}
	return p, nil
}

// echo sends packets on one conn until ctx is done, or until one fails.
func (p *Probes) echo(ctx context.Context, c *Conn, tag uint64) {
	for seq := uint64(1); Sleep(ctx, rand.N(2*p.pause)) == nil; seq++ {
		began := time.Now()
		err := c.Echo(wire.NewPacket(tag, seq, 64), p.exact)
		if ctx.Err() != nil {
			return
		}
		p.note(time.Since(began), err)
		if err != nil {
			return
		}
	}
}

// note takes down a reply, or that there was none.
func (p *Probes) note(took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.err == nil {
			p.err = fmt.Errorf("after %d replies to %d probes: %w", p.total, len(p.conns), err)
		}
		return
	}
	p.total++
	p.worst = max(p.worst, took)
	p.times = append(p.times, took)
}

// Round lets d pass and returns the 99th percentile of the replies in it.
func (p *Probes) Round(ctx context.Context, d time.Duration) (time.Duration, error) {
	p.TakeTimes()
	began := time.Now()
	if err := Sleep(ctx, d); err != nil {
		return 0, err
	}
	return p.P99Since(began), nil
}

// P99Since returns the 99th percentile of the replies since the last TakeTimes,
// which was at began. If there was no reply, all have waited since then.
func (p *Probes) P99Since(began time.Time) time.Duration {
	times := p.TakeTimes()
	if len(times) == 0 {
		return time.Since(began)
	}
	return Percentile(times, 99)
}

// Slowest returns the slowest reply since the last TakeTimes.
func (p *Probes) Slowest() time.Duration { return Percentile(p.TakeTimes(), 100) }

// TakeTimes returns how long each reply took since the last call.
func (p *Probes) TakeTimes() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	times := p.times
	p.times = nil
	return times
}

// Stop ends the probes. It returns how many replies there were, the slowest of
// them, and the first error.
func (p *Probes) Stop() (total int, worst time.Duration, err error) {
	p.cancel()
	for _, c := range p.conns {
		c.SetDeadline(time.Now())
	}
	p.running.Wait()
	for _, c := range p.conns {
		c.Close()
	}
	return p.total, p.worst, p.err
}

// Len returns how many probes there are.
func (p *Probes) Len() int { return len(p.conns) }
