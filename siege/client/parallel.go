package client

// Calls that are made side by side, and waits that a context ends.

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// workers is how many calls Parallel makes at the same time.
const workers = 16

// Parallel calls fn n times, a few at the same time.
func Parallel(n int, fn func()) {
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				fn()
			}
		})
	}
	all.Wait()
}

// Sleep waits for d, or returns why ctx is done.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
