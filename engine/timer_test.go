package engine

import (
	"math"
	"testing"
	"time"
)

func TestTimers(t *testing.T) {
	r := start(t, nil)
	order := make(chan int, 3)
	r.After(30*time.Millisecond, func() { order <- 3 })
	r.After(10*time.Millisecond, func() { order <- 1 })
	cancelled := r.After(15*time.Millisecond, func() { order <- 0 })
	r.After(20*time.Millisecond, func() { order <- 2 })
	if !cancelled.Stop() {
		t.Error("Stop() = false for a timer that had not fired")
	}
	for want := 1; want <= 3; want++ {
		if got := wait(t, "timer", order); got != want {
			t.Fatalf("timer %d fired, want %d", got, want)
		}
	}
	if cancelled.Stop() {
		t.Error("Stop() = true twice")
	}
}

func TestEveryStopsItself(t *testing.T) {
	r := start(t, nil)
	calls, done := 0, make(chan struct{})
	var tick *Timer
	r.Post(func() {
		tick = r.Every(time.Millisecond, func() {
			if calls++; calls == 5 {
				tick.Stop()
				r.After(20*time.Millisecond, func() { close(done) })
			}
		})
	})
	wait(t, "end", done)
	if calls != 5 {
		t.Errorf("%d calls, want 5", calls)
	}
}

// Sockets are served beside 100,000 timers.
func TestManyTimers(t *testing.T) {
	r := start(t, nil)
	nc := serve(t, r, &hooks{received: echo})
	many := 100_000
	if testing.Short() {
		many /= 10
	}
	fired := 0
	done := make(chan struct{})
	for range many {
		r.After(time.Millisecond, func() {
			if fired++; fired == many {
				close(done)
			}
		})
	}
	exchange(t, nc, "served meanwhile")
	wait(t, "last timer", done)
}

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

// What is due beyond one turn's share comes in the next turn, which does not wait
// for the alarm.
func TestTimersBeyondATurn(t *testing.T) {
	v := virtual(t, nil)
	l := v.r.loops[0]
	calls, rings := 0, 0
	for range maxTasks + 1 {
		l.After(0, func() { calls++ })
	}
	l.setBell(func() { rings++ })
	for turn, want := range []int{maxTasks, maxTasks + 1} {
		l.enter()
		l.alarmed = l.alarmed || turn == 0
		l.turn()
		l.done()
		l.exit()
		if calls != want || rings != 1 {
			t.Errorf("turn %d: %d calls, the bell was rung %d times", turn, calls, rings)
		}
	}
	l.setBell(nil)
}
