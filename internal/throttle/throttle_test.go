package throttle

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var th Throttle
		for second := range 3 {
			let := 0
			for range 100 {
				ok, skipped := th.Allow()
				if ok {
					let++
				}
				if want := 90; ok && let == 1 && second > 0 && skipped != want {
					t.Errorf("second %d: %d lines skipped, want %d", second, skipped, want)
				}
			}
			if let != LinesPerSecond {
				t.Errorf("second %d: %d lines, want %d", second, let, LinesPerSecond)
			}
			time.Sleep(time.Second)
		}
	})
}
