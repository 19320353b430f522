package caller

// One load, from the first packet to the last reply.

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/packetmq/packetmq/bench/versus/clock"
	"github.com/packetmq/packetmq/bench/versus/result"
)

// round is one load on conns that are up, from the first packet to the last
// reply.
type round struct {
	cfg      *Config
	payloads *payloads
	began    time.Time
	ending   atomic.Bool // nothing more is to be sent
	counts   [16]count   // of all conns, dealt to them in turn: one each would be much memory
}

// worker serves one conn until due, the times that packets are due at, is
// closed and all is answered. It calls again after each packet.
type worker func(due <-chan int64, again func(broken bool))

type count struct {
	mu      sync.Mutex
	packets int64
	errors  int64
	problem error
	last    int64 // when the last reply came, in ns since the round began
	latency *hdrhistogram.Histogram
}

// longest is what longer latencies are counted as.
const longest = int64(10 * time.Minute)

func newRound(cfg *Config, p *payloads) *round {
	r := &round{cfg: cfg, payloads: p}
	for i := range r.counts {
		r.counts[i].latency = hdrhistogram.New(1, longest, 2)
	}
	return r
}

func (r *round) now() int64 { return int64(time.Since(r.began)) }

// took counts a reply to a packet of the time at, or what came in its place.
func (c *count) took(at, now int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.errors++
		if c.problem == nil {
			c.problem = err
		}
		return
	}
	c.packets++
	c.last = now
	c.latency.RecordValue(min(max(now-at, 1), longest))
}

// run has one worker on each conn for d, or until ctx is done, and waits for
// the last replies. Conns that do not give them are closed.
func (r *round) run(ctx context.Context, d time.Duration, workers []worker, abandon func()) error {
	r.began = time.Now()
	dues := make([]chan int64, len(workers))
	for i := range dues {
		dues[i] = make(chan int64, r.cfg.room())
	}
	again := func(int) func(bool) { return func(bool) {} }
	switch {
	case r.cfg.Rate > 0:
	case r.cfg.Inflight > 0:
		all := newCircle(r, r.cfg.Inflight, dues...)
		again = func(int) func(bool) { return all.again }
	default:
		again = func(i int) func(bool) { return newCircle(r, r.cfg.Depth, dues[i]).again }
	}
	var wg sync.WaitGroup
	for i, work := range workers {
		wg.Go(func() { work(dues[i], again(i)) })
	}
	defer time.AfterFunc(d+r.cfg.Patience, abandon).Stop()
	err := r.wait(ctx, d, dues)
	r.ending.Store(true)
	if ctx.Err() != nil {
		defer time.AfterFunc(r.cfg.Patience, abandon).Stop()
	}
	wg.Wait()
	return err
}

// wait returns when nothing more is to be sent.
func (r *round) wait(ctx context.Context, d time.Duration, dues []chan int64) error {
	if r.cfg.Rate > 0 {
		return r.pace(ctx, d, dues)
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return nil
}

func (r *round) result(before, after clocks) Result {
	all := hdrhistogram.New(1, longest, 2)
	res := Result{Load: result.Load{
		CPU: after.own - before.own, ServerCPU: after.server - before.server, Allocs: after.allocs - before.allocs,
		Conns: r.cfg.Conns, Rate: r.cfg.Rate,
	}}
	var last int64
	for i := range r.counts {
		c := &r.counts[i]
		all.Merge(c.latency)
		res.Packets += uint64(c.packets)
		res.Errors += uint64(c.errors)
		last = max(last, c.last)
		if res.Problem == "" && c.problem != nil {
			res.Problem = c.problem.Error()
		}
	}
	res.Seconds = time.Duration(last).Seconds()
	res.P50 = all.ValueAtQuantile(50)
	res.P90 = all.ValueAtQuantile(90)
	res.P99 = all.ValueAtQuantile(99)
	res.P999 = all.ValueAtQuantile(99.9)
	res.Max = all.Max()
	return res
}

// load dials, warms up, and puts on the load that counts.
func load[C io.Closer](ctx context.Context, cfg Config, dial func(context.Context) (C, error), work func(*round, *count, C) worker) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	if cfg.Patience == 0 {
		cfg.Patience = patience
	}
	conns, err := dialAll(ctx, cfg.Conns, dial)
	closeAll := func() {
		for _, c := range conns {
			c.Close()
		}
	}
	defer closeAll()
	if err != nil {
		return Result{}, err
	}
	payloads := newPayloads(cfg.Size)
	run := func(d time.Duration) (Result, error) {
		r := newRound(&cfg, payloads)
		workers := make([]worker, len(conns))
		for i, c := range conns {
			workers[i] = work(r, &r.counts[i%len(r.counts)], c)
		}
		before, err := cfg.clocks()
		if err != nil {
			return Result{}, err
		}
		err = r.run(ctx, d, workers, closeAll)
		after, lost := cfg.clocks() // while all conns are still up
		return r.result(before, after), errors.Join(err, lost)
	}
	if cfg.Warmup > 0 {
		res, err := run(cfg.Warmup)
		if res.Errors > 0 {
			err = errors.Join(err, errors.New("caller: while warming up: "+res.Problem))
		}
		if err != nil {
			return Result{}, err
		}
	}
	if cfg.Ready != nil {
		if err := cfg.Ready(); err != nil {
			return Result{}, err
		}
	}
	res, err := run(cfg.Duration)
	if err == nil && cfg.Done != nil {
		err = cfg.Done(&res)
	}
	return res, err
}

// dialAll makes n conns, some at a time. It returns those that were made with
// the error.
func dialAll[C io.Closer](ctx context.Context, n int, dial func(context.Context) (C, error)) ([]C, error) {
	var (
		mu    sync.Mutex
		conns []C
		fault error
		next  atomic.Int64
		wg    sync.WaitGroup
	)
	for range min(n, 16) {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				c, err := dial(ctx)
				mu.Lock()
				if err == nil {
					conns = append(conns, c)
				} else if fault == nil {
					fault = err
				}
				failed := fault != nil
				mu.Unlock()
				if failed {
					return
				}
			}
		})
	}
	wg.Wait()
	return conns, fault
}

// clocks are what this process and the server have had of CPUs, in ns, and how
// many objects this process has allocated.
type clocks struct {
	own, server int64
	allocs      uint64
}

func (cfg *Config) clocks() (c clocks, err error) {
	var m runtime.MemStats // the counts of runtime/metrics leave out what was allocated last
	runtime.ReadMemStats(&m)
	c.allocs = m.Mallocs
	if c.own, err = clock.Of(os.Getpid()); err == nil {
		c.server, err = clock.Of(cfg.Servers...)
	}
	return c, err
}
