package engine

import (
	"math"
	"testing"
	"time"
)

// far are times that overflow something when they are added to now, or divided
// into ticks.
var far = []time.Duration{20 * 365 * 24 * time.Hour, 1 << 61, 1 << 62, math.MaxInt64 - 1, math.MaxInt64}

func TestFarTimers(t *testing.T) {
	for _, d := range far {
		v := virtual(t, nil)
		v.Advance(time.Hour)
		calls := 0
		v.r.After(d, func() { calls++ })
		v.r.Every(d, func() { calls++ })
		settle(t, v)
		v.Advance(time.Hour)
		settle(t, v)
		if next, ok := v.Next(); calls != 0 || !ok || next < 24*time.Hour {
			t.Errorf("%v: %d calls, the next one in %v, %v", d, calls, next, ok)
		}
	}
}

func TestStopOfEveryInItself(t *testing.T) {
	v := virtual(t, nil)
	var stops []bool
	var tick *Timer
	tick = v.r.Every(time.Second, func() { stops = append(stops, tick.Stop(), tick.Stop()) })
	for range 3 {
		v.Advance(time.Second)
		settle(t, v)
	}
	if len(stops) != 2 || !stops[0] || stops[1] {
		t.Errorf("Stop() = %v, want true, and false the second time, in one call", stops)
	}
}
