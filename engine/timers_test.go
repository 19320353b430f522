package engine

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"time"
)

// timersAlone are timers without a loop, on a manual clock.
func timersAlone() *timers { return &timers{clock: &clock{manual: true}, inbox: new(inbox)} }

// A run calls what was due when it began, in order, and leaves the rest to the next one.
func TestTimersRun(t *testing.T) {
	never := func() bool { return false }
	for name, test := range map[string]struct {
		halted func(calls int) bool
		first  []string // calls of the first run
	}{
		"to the end": {func(int) bool { return false }, []string{"now", "soon"}},
		"halted":     {func(calls int) bool { return calls == 1 }, []string{"now"}},
	} {
		t.Run(name, func(t *testing.T) {
			ts := timersAlone()
			var called []string
			note := func(what string) func() { return func() { called = append(called, what) } }
			ts.after(time.Hour, note("late"))
			ts.after(time.Second, note("soon"))
			ts.after(0, func() {
				ts.after(0, note("made in a run"))
				note("now")()
			})
			ts.after(time.Second/2, note("stopped")).Stop()
			ts.clock.advance(time.Second)
			call := func(t *Timer) { t.fn() }
			ts.run(func() bool { return test.halted(len(called)) }, call)
			if !slices.Equal(called, test.first) {
				t.Errorf("the first run called %v, want %v", called, test.first)
			}
			if !ts.inbox.hasNews() {
				t.Error("timers are due, and nobody is told")
			}
			ts.clock.advance(time.Second)
			ts.run(never, call)
			if want := []string{"now", "soon", "made in a run"}; !slices.Equal(called, want) || ts.waiting() != 1 {
				t.Errorf("both runs called %v, want %v", called, want)
			}
		})
	}
}

// A timer whose function called Goexit comes again if it is periodic.
func TestTimersAfterGoexit(t *testing.T) {
	ts := timersAlone()
	calls := 0
	ts.every(time.Second, time.Second, func() { calls++; runtime.Goexit() })
	for range 2 {
		ts.clock.advance(time.Second)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			ts.run(func() bool { return false }, func(t *Timer) { t.fn() })
			t.Error("the goroutine goes on after a Goexit")
		}()
		<-ended
		ts.afterGoexit()
	}
	if calls != 2 || ts.waiting() != 1 {
		t.Errorf("%d calls, want 2", calls)
	}
}

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
	l.inbox.setWake(func() { rings++ })
	for turn, want := range []int{maxTasks, maxTasks + 1} {
		l.enter()
		l.inbox.timerDue = l.inbox.timerDue || turn == 0
		l.wokenUp()
		l.done()
		l.exit()
		if calls != want || rings != 1 {
			t.Errorf("turn %d: %d calls, it was woken %d times", turn, calls, rings)
		}
	}
	l.inbox.setWake(nil)
}

// Reset moves a timer, whatever became of it, and Stop works on it as before.
func TestResetOfATimer(t *testing.T) {
	const d = 10 * time.Second
	for name, test := range map[string]struct {
		make   func(r *Reactor, fn func()) *Timer
		before func(v *Virtual, timer *Timer)
		active bool // before Reset
		calls  int  // within d of it, and
		later  int  // in another d
	}{
		"waiting":       {make: once, active: true, calls: 1},
		"stopped":       {make: once, before: func(_ *Virtual, t *Timer) { t.Stop() }, calls: 1},
		"called":        {make: once, before: func(v *Virtual, _ *Timer) { v.Advance(2 * d) }, calls: 1},
		"every":         {make: every, active: true, calls: 1, later: 1},
		"every stopped": {make: every, before: func(_ *Virtual, t *Timer) { t.Stop() }, calls: 1, later: 1},
		"every called":  {make: every, before: func(v *Virtual, _ *Timer) { v.Advance(2 * d) }, active: true, calls: 1, later: 1},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			calls := 0
			timer := test.make(v.r, func() { calls++ })
			if test.before != nil {
				test.before(v, timer)
				settle(t, v)
			}
			calls = 0
			if active := timer.Reset(d / 2); active != test.active {
				t.Errorf("Reset() = %v", active)
			}
			for _, want := range []int{test.calls, test.later} {
				v.Advance(d)
				settle(t, v)
				if calls != want {
					t.Errorf("%d calls, want %d", calls, want)
				}
				calls = 0
			}
			timer.Reset(d)
			if !timer.Stop() || timer.Stop() {
				t.Error("Stop does not know what Reset did")
			}
			v.Advance(2 * d)
			settle(t, v)
			if calls != 0 {
				t.Errorf("%d calls after Stop", calls)
			}
		})
	}
}

func once(r *Reactor, fn func()) *Timer  { return r.After(10*time.Second, fn) }
func every(r *Reactor, fn func()) *Timer { return r.Every(10*time.Second, fn) }

// A timer that resets itself in its own call comes again.
func TestResetInTheTimersOwnCall(t *testing.T) {
	for name, start := range map[string]func(r *Reactor, fn func()) *Timer{"once": once, "every": every} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			calls := 0
			var timer *Timer
			timer = start(v.r, func() {
				if calls++; calls < 5 {
					timer.Reset(time.Second)
				} else {
					timer.Stop()
				}
			})
			v.Advance(10 * time.Second)
			settle(t, v)
			for range 10 {
				v.Advance(time.Second)
				settle(t, v)
			}
			if calls != 5 {
				t.Errorf("%d calls, want 5", calls)
			}
		})
	}
}

func TestEveryNow(t *testing.T) {
	v := virtual(t, nil)
	calls := 0
	timer := v.r.EveryNow(time.Second, func() { calls++ })
	for want := 1; want <= 3; want++ {
		settle(t, v)
		if calls != want {
			t.Fatalf("%d calls, want %d", calls, want)
		}
		v.Advance(time.Second)
	}
	timer.Stop()
}

// A loop that takes turns sees by itself that a timer is due: the goroutine that
// would ring for it may be late.
func TestTimersNeedNoAlarmOnABusyLoop(t *testing.T) {
	r := start(t, nil)
	l := r.loops[0]
	l.timers.alarm.stop() // as if the goroutine were very late
	fired := false
	done := make(chan struct{})
	var again func()
	again = func() {
		if fired {
			close(done)
			return
		}
		l.Post(again)
	}
	l.After(time.Millisecond, func() { fired = true })
	l.Post(again)
	wait(t, "timer", done)
}

// A period that ends beyond all time has no second call.
func TestPeriodsWithoutEnd(t *testing.T) {
	r := start(t, nil)
	calls := make(map[string]int)
	done := make(chan struct{})
	r.Post(func() {
		r.EveryNow(math.MaxInt64, func() { calls["EveryNow"]++ })
		r.Every(math.MaxInt64, func() { calls["Reset"]++ }).Reset(0)
		r.After(20*time.Millisecond, func() { close(done) })
	})
	wait(t, "end", done)
	if calls["EveryNow"] != 1 || calls["Reset"] != 1 {
		t.Errorf("calls: %v, want one each", calls)
	}
}
