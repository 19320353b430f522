package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Drain comes once for a conn, however often the reactor is shut down and
// whenever the conn opens.
func TestDrainComesOnce(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, v *Virtual, attach func()){
		"open":       func(t *testing.T, v *Virtual, attach func()) { attach(); settle(t, v); v.Drain() },
		"twice":      func(t *testing.T, v *Virtual, attach func()) { attach(); settle(t, v); v.Drain(); v.Drain() },
		"later":      func(t *testing.T, v *Virtual, attach func()) { attach(); v.Drain(); settle(t, v); v.Drain() },
		"on its way": func(t *testing.T, v *Virtual, attach func()) { attach(); v.Drain() },
		"behind it":  func(t *testing.T, v *Virtual, attach func()) { v.Drain(); attach() },
		"stopped":    func(t *testing.T, v *Virtual, attach func()) { attach(); settle(t, v); v.r.Stop(); v.Drain() },
		"stopped meanwhile": func(t *testing.T, v *Virtual, attach func()) {
			attach()
			settle(t, v)
			v.Drain()
			v.r.Stop()
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := virtual(t, nil)
			calls := 0
			test(t, v, func() { plugIn(t, v.r, &plug{}, &hooks{drain: func(*Conn) { calls++ }}) })
			settle(t, v)
			if calls != 1 {
				t.Errorf("Drain was called %d times", calls)
			}
		})
	}
}

// Shutdown on a loop has the time that its context has, not Config.Drain, and
// no less because that is cancelled.
func TestShutdownOnLoopKeepsItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := virtual(t, &Config{Drain: 24 * time.Hour})
		plugIn(t, v.r, &plug{}, &hooks{drain: func(*Conn) {}})
		settle(t, v)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		v.r.Post(func() {
			if err := v.r.Shutdown(ctx); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
		settle(t, v)
		cancel()
		ended := func() bool {
			synctest.Wait()
			settle(t, v)
			select {
			case <-v.r.Done():
				return true
			default:
				return false
			}
		}
		time.Sleep(59 * time.Minute) // the bubble's
		if ended() {
			t.Error("it ended before its deadline")
		}
		time.Sleep(2 * time.Minute)
		if !ended() {
			t.Error("it did not end at its deadline")
		}
	})
}
