package rate

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A bucket gives its burst at once, and then a token each interval, however long it was left
// alone before.
func TestBucketGivesItsBurstAndItsRate(t *testing.T) {
	const ms = time.Millisecond
	type takes struct {
		at   time.Duration
		want int // of 1,000 that are asked for at that time
	}
	for name, test := range map[string]struct {
		limit Limit
		takes []takes
	}{
		"burst of its own":          {Limit{10, 3}, []takes{{0, 3}, {0, 0}, {99 * ms, 0}, {100 * ms, 1}, {300 * ms, 2}, {time.Hour, 3}}},
		"burst of a second":         {Limit{10, 0}, []takes{{time.Minute, 10}, {time.Minute + 500*ms, 5}, {time.Hour, 10}}},
		"less than one a second":    {Limit{0.5, 0}, []takes{{0, 1}, {1999 * ms, 0}, {2000 * ms, 1}}},
		"a fraction of a burst":     {Limit{2.5, 0}, []takes{{0, 2}, {400 * ms, 1}}},
		"negative burst":            {Limit{10, -5}, []takes{{0, 10}}},
		"once in the process":       {Limit{1e-300, 1}, []takes{{0, 1}, {100 * 365 * 24 * time.Hour / 2, 0}}},
		"a huge burst":              {Limit{10, math.MaxInt}, []takes{{0, 1000}, {0, 1000}}},
		"more than one nanosecond":  {Limit{1e12, 100}, []takes{{0, 100}, {50, 50}}},
		"without end":               {Limit{math.Inf(1), 100}, []takes{{0, 100}}},
		"late, on an aged clock":    {Limit{10, 2}, []takes{{200 * 365 * 24 * time.Hour, 2}, {200*365*24*time.Hour + 100*ms, 1}}},
		"a clock that is read late": {Limit{10, 2}, []takes{{time.Second, 2}, {900 * ms, 0}, {1100 * ms, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bucket
			p := test.limit.pace()
			for i, takes := range test.takes {
				got := 0
				for range 1000 {
					if b.take(p, takes.at) {
						got++
					}
				}
				if got != takes.want {
					t.Errorf("step %d, at %v: %d tokens, want %d", i, takes.at, got, takes.want)
				}
			}
		})
	}
}

func TestLimitsThatAreNone(t *testing.T) {
	for _, perSecond := range []float64{0, -1, math.Inf(-1), math.NaN()} {
		if p := (Limit{PerSecond: perSecond, Burst: 5}).pace(); p.interval != 0 {
			t.Errorf("%v a second is a limit: %+v", perSecond, p)
		}
	}
}

// Loops that share a bucket get exactly what is in it.
func TestBucketIsShared(t *testing.T) {
	var b bucket
	var got atomic.Int64
	p := Limit{PerSecond: 1e-6, Burst: 1000}.pace()
	var loops sync.WaitGroup
	for range 8 {
		loops.Go(func() {
			for range 1000 {
				if b.take(p, time.Second) {
					got.Add(1)
				}
			}
		})
	}
	loops.Wait()
	if got.Load() != 1000 {
		t.Errorf("%d tokens, want 1000", got.Load())
	}
}
