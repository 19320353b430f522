package rate

// Limit and the token bucket that keeps it.

import (
	"math"
	"sync/atomic"
	"time"
)

// Limit is a token bucket. Each packet takes a token out of it; a packet that finds none is
// over the limit. The zero Limit is none.
type Limit struct {
	// PerSecond is how many tokens come into the bucket in a second, evenly. Zero, and
	// anything else that is not above zero: no limit.
	PerSecond float64

	// Burst is how many tokens the bucket holds: so many packets may come at once after a
	// silence. Zero or less: those of one second, at least one.
	Burst int
}

// pace is a Limit in nanoseconds.
type pace struct {
	interval int64 // in which a token comes; 0: no limit
	whole    int64 // in which an empty bucket becomes full
}

// longest is the longest time that a bucket may take to become full, some 73 years: sums of
// two such times fit into 64 bits.
const longest = math.MaxInt64 / 4

func (l Limit) pace() pace {
	if !(l.PerSecond > 0) { // not a number, too
		return pace{}
	}
	burst := float64(l.Burst)
	if burst < 1 {
		burst = max(1, math.Floor(l.PerSecond))
	}
	interval := max(1, float64(time.Second)/l.PerSecond)
	return pace{int64(min(interval, longest)), int64(min(interval*burst, longest))}
}

// bucket is a token bucket, full at first. Any goroutine may use it.
//
// It is kept as the time at which it would be full again. A token moves that by one interval
// into the future, and passing time fills it without anybody's work, so that the bucket is one
// word, which loops share without a lock.
type bucket struct{ fullAt atomic.Int64 }

// take takes a token at the time now. It returns false if there is none.
func (b *bucket) take(p pace, now time.Duration) bool {
	for {
		was := b.fullAt.Load()
		full := max(was, int64(now)) + p.interval
		if full-int64(now) > p.whole {
			return false
		}
		if b.fullAt.CompareAndSwap(was, full) {
			return true
		}
	}
}

// isFull reports whether no token is missing at the time now.
func (b *bucket) isFull(now time.Duration) bool { return b.fullAt.Load() <= int64(now) }
