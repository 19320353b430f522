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

// Lines that anybody can provoke do not use up what there is for others.
func TestKindsAreThrottledEachForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k Kinds
		for range 1000 {
			k.Allow("stranger")
		}
		let := 0
		for range 2 * LinesPerSecond {
			if ok, _ := k.Allow("panic"); ok {
				let++
			}
		}
		if let != LinesPerSecond {
			t.Errorf("%d lines of the other kind, want %d", let, LinesPerSecond)
		}
		time.Sleep(time.Second)
		if ok, skipped := k.Allow("stranger"); !ok || skipped != 1000-LinesPerSecond {
			t.Errorf("%v, %d were skipped", ok, skipped)
		}
	})
}
