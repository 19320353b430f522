package attack

// Row files: a server that runs out of descriptors.

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
)

// resumeWithin is how soon after a descriptor becomes free the server accepts
// again. The last tenth of a second is for a dial and a handshake.
const resumeWithin = time.Second + 100*time.Millisecond

// tryFiles dials a server of 64 descriptors 200 times, and gives them back one
// by one.
func tryFiles(ctx context.Context, t *trial) error {
	// 24 are in use from the start. Otherwise the server would refuse conns before
	// it runs out: it takes fewer conns than it has descriptors.
	s, err := t.start(ctx, target.Options{Files: 64, Taken: 24})
	if err != nil {
		return err
	}
	probes, err := client.StartProbes(ctx, &s.Endpoint, 4, 10*time.Millisecond)
	if err != nil {
		return err
	}
	dials := make(chan *client.Conn, 200)
	var refused atomic.Int64
	var all sync.WaitGroup
	for range cap(dials) {
		all.Go(func() {
			c, err := s.Connect(ctx)
			if err != nil {
				refused.Add(1)
				return
			}
			dials <- c
		})
	}
	all.Wait()
	served := len(dials)
	t.show("%d dials: %d served", cap(dials), served)
	t.check(served > 0, "none of %d dials was served", cap(dials))
	t.check(refused.Load() > 0, "all of %d dials were served with 64 descriptors", cap(dials))
	var worst time.Duration
	frees := t.pick(8, 3)
	for range min(frees, served) {
		(<-dials).Close()
		freed := time.Now()
		for {
			c, err := s.Connect(ctx)
			if err == nil {
				worst = max(worst, time.Since(freed))
				dials <- c
				break
			}
			if err := client.Sleep(ctx, 5*time.Millisecond); err != nil {
				return err
			}
			if time.Since(freed) > 2*client.Patience {
				t.fail("a descriptor became free, and no dial was served in %v", 2*client.Patience)
				return nil
			}
		}
	}
	for range len(dials) {
		(<-dials).Close()
	}
	lines, _ := s.LogCounts()
	t.check(lines > 0 && strings.Contains(s.Log(), "too many open files"), "the server does not say that it ran out of descriptors, in %d lines:\n%s", lines, s.Log())
	echoes, slowest, err := probes.Stop()
	t.check(err == nil, "a conn from before: %v", err)
	t.check(slowest < t.bound(answerWithin), "a conn from before waited %v, want at most %v", slowest, answerWithin)
	t.check(worst < t.bound(resumeWithin), "accepting resumed %v after a descriptor became free, want %v", worst, resumeWithin)
	t.show("%d dials, %d served; accepts %s after one is free; 4 from before: %s echoes, slowest %s",
		cap(dials), served, figures.Latency(worst), figures.Count(echoes), figures.Latency(slowest))
	return nil
}
