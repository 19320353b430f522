// Package await has tests wait for what other goroutines do: for as long as it
// takes, and not for ever.
package await

import (
	"runtime"
	"testing"
	"time"
)

// Patience is how long a test waits for what it expects at once.
const Patience = 30 * time.Second

// Value returns what arrives on ch, or fails tb and shows where all goroutines
// are. A channel that is closed yields a zero value.
func Value[T any](tb testing.TB, what string, ch <-chan T) T {
	tb.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	select {
	case v := <-ch:
		return v
	case <-late.C:
		buf := make([]byte, 1<<16)
		tb.Fatalf("no %s within %v\n%s", what, Patience, buf[:runtime.Stack(buf, true)])
		panic("unreachable")
	}
}

// True returns when ok does so, or fails tb. It is for what another goroutine is
// about to have done and for which it gives no event.
func True(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			tb.Fatalf("not within %v: %s", Patience, what)
		}
	}
}
