package trial

import (
	"slices"
	"sync"
	"time"
)

// latencies are how long packets took. Any goroutine may use them.
type latencies struct {
	mu   sync.Mutex
	each []time.Duration // guarded by mu
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.each = append(l.each, d)
}

// take returns all of them, shortest first, and forgets them.
func (l *latencies) take() []time.Duration {
	l.mu.Lock()
	each := l.each
	l.each = nil
	l.mu.Unlock()
	slices.Sort(each)
	return each
}

// quantile is the duration that a part q of sorted ones does not exceed, 0 of none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
