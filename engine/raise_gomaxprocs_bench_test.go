//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// How late a goroutine off the loops wakes that sleeps for 7 ms, while one or
// two loops have nothing to do. With as many P as loops, KeepProcs, it waits for
// the runtime's monitor to take one of them back. The figure is the p99.
func BenchmarkSleepBesideLoops(b *testing.B) {
	for _, reactors := range []int{1, 2} {
		for _, keep := range []bool{true, false} {
			b.Run(fmt.Sprintf("reactors=%d/keep=%v", reactors, keep), func(b *testing.B) {
				b.Setenv("GOMAXPROCS", "")
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(reactors))
				for range reactors {
					r := New(&Config{KeepProcs: keep})
					if err := r.RunAsync(); err != nil {
						b.Fatal(err)
					}
					defer r.Close()
					r.Every(7*time.Millisecond, func() {}) // each sleep of the loop is a short one
				}
				var late []time.Duration
				for b.Loop() {
					due := time.Now().Add(7 * time.Millisecond)
					time.Sleep(7 * time.Millisecond)
					late = append(late, time.Since(due))
				}
				slices.Sort(late)
				b.ReportMetric(float64(late[len(late)/2].Microseconds()), "µs-late-p50")
				b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "µs-late-p99")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// The same with one P and one loop that is never idle: a posted function that
// computes for 20 µs and posts itself again. The second figure is how late a
// timer of the loop comes.
func BenchmarkSleepBesideABusyLoop(b *testing.B) {
	for _, keep := range []bool{true, false} {
		b.Run(fmt.Sprintf("keep=%v", keep), func(b *testing.B) {
			b.Setenv("GOMAXPROCS", "")
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			r := New(&Config{KeepProcs: keep})
			if err := r.RunAsync(); err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			var busy func()
			busy = func() {
				for began := time.Now(); time.Since(began) < 20*time.Microsecond; {
				}
				r.Post(busy)
			}
			r.Post(busy)
			const pause = 20 * time.Millisecond
			var late, timers []time.Duration
			fired := make(chan time.Duration, 1)
			for b.Loop() {
				due := time.Now().Add(pause)
				r.After(pause, func() { fired <- time.Since(due) })
				time.Sleep(pause)
				late = append(late, time.Since(due))
				timers = append(timers, <-fired)
			}
			slices.Sort(late)
			slices.Sort(timers)
			b.ReportMetric(float64(late[len(late)/2].Microseconds()), "µs-late-p50")
			b.ReportMetric(float64(timers[len(timers)/2].Microseconds()), "µs-timer-p50")
			b.ReportMetric(float64(timers[len(timers)*99/100].Microseconds()), "µs-timer-p99")
			b.ReportMetric(0, "ns/op")
		})
	}
}
