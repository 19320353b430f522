package attack

// Clients that come and go for long, and what the server keeps of them.

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/target"
)

// SoakConfig says how long a soak is.
type SoakConfig struct {
	Server   string // the program that is attacked, by its command serve
	Duration time.Duration
	Clients  int       // at the same time
	Out      io.Writer // gets a line for each look
}

// heapDrift is by which share of itself a server's live heap may grow from the
// beginning to the end.
const heapDrift = 0.02

// heapNoise is by how many bytes a live heap of half a mebibyte goes up and down by
// itself: the runtime's own tables, timers and log lines do that.
const heapNoise = 32 << 10

// looks is how many times a soak looks at the server. The first warmUp looks do not
// count. lookEvery is the least time between two.
const (
	looks     = 60
	warmUp    = 3
	lookEvery = 5 * time.Second
)

// Soak has clients connect, talk and vanish, again and again. Now and then they
// pause until the server has no conn, and it is asked what it has in use. Soak
// returns ErrBroken if there are more goroutines, descriptors or buffers in the end
// than in the beginning, if the live heap has grown by more than two percent, or if
// a client was not served. When ctx is done it ends early.
func Soak(ctx context.Context, cfg SoakConfig) error {
	s, err := target.Start(ctx, cfg.Server, target.Options{})
	if s != nil {
		defer s.Kill()
	}
	if err != nil {
		return unlessDone(ctx, err)
	}
	every := min(max(cfg.Duration/looks, lookEvery), cfg.Duration/(2*warmUp))
	fmt.Fprintf(cfg.Out, "%d clients at a time connect, talk and vanish for %v; a look every %v\n\n",
		cfg.Clients, cfg.Duration, every.Round(time.Millisecond))
	var all []target.Resources
	c := churn{server: s, clients: cfg.Clients}
	began := time.Now()
	for time.Since(began) < cfg.Duration && ctx.Err() == nil {
		c.run(ctx, every)
		h, err := s.WaitIdle(ctx)
		if err != nil {
			if ctx.Err() == nil {
				return err
			}
			break
		}
		all = append(all, h)
		fmt.Fprintf(cfg.Out, "%8s  %9s conns  %3d goroutines  %3d descriptors  heap %9s  rss %9s\n",
			time.Since(began).Round(100*time.Millisecond), figures.Count(c.conns.Load()), h.Goroutines, h.Files, figures.Bytes(h.Heap), figures.Bytes(h.RSS))
	}
	if len(all) <= 2*warmUp {
		fmt.Fprintln(cfg.Out, "\ntoo short to say anything")
		return c.err()
	}
	return c.judge(cfg.Out, s.Before, all[warmUp:])
}

// unlessDone returns err, or nil if ctx is done, which explains the error.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// churn is clients that come and go.
type churn struct {
	server  *target.Server
	clients int
	conns   atomic.Int64

	mu     sync.Mutex
	failed int
	first  error
}

// run has them come and go for d.
func (c *churn) run(ctx context.Context, d time.Duration) {
	end := time.Now().Add(d)
	var all sync.WaitGroup
	for range c.clients {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			for time.Now().Before(end) && ctx.Err() == nil {
				if err := vanish(ctx, c.server, rnd, uint64(c.conns.Add(1))); err != nil && ctx.Err() == nil {
					c.fail(err)
				}
			}
		})
	}
	all.Wait()
}

// fail takes down a client that was not served.
func (c *churn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed++
	if c.first == nil {
		c.first = err
	}
}

func (c *churn) err() error {
	if c.failed == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d clients were not served, the first: %w", ErrBroken, c.failed, c.first)
}

// judge compares the beginning with the end, each the median of a few looks.
func (c *churn) judge(w io.Writer, before target.Resources, all []target.Resources) error {
	few := max(1, len(all)/5)
	from, to := medianHeap(all[:few]), medianHeap(all[len(all)-few:])
	drift := float64(to-from) / float64(from)
	last := all[len(all)-1]
	kept := last.Excess(before)
	fmt.Fprintf(w, "\nafter %s conns: goroutines %d (%d), descriptors %d (%d), heap %s → %s (%+.2f %%), rss %s → %s\n",
		figures.Count(c.conns.Load()), last.Goroutines, before.Goroutines, last.Files, before.Files,
		figures.Bytes(from), figures.Bytes(to), 100*drift, figures.Bytes(all[0].RSS), figures.Bytes(last.RSS))
	switch err := c.err(); {
	case err != nil:
		return err
	case kept != "":
		return fmt.Errorf("%w: the server keeps%s", ErrBroken, kept)
	case drift >= heapDrift && to-from > heapNoise:
		return fmt.Errorf("%w: the live heap has grown by %.2f %%, want less than %v %%", ErrBroken, 100*drift, 100*heapDrift)
	}
	return nil
}

func medianHeap(all []target.Resources) int64 {
	var heaps []int64
	for _, h := range all {
		heaps = append(heaps, h.Heap)
	}
	slices.Sort(heaps)
	return heaps[len(heaps)/2]
}
