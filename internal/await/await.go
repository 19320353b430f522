// Package await lets tests wait for what other goroutines do. A slow machine does
// not fail them; something that never happens does.
package await

import (
	"runtime"
	"testing"
	"time"
)

// Patience is how long a test waits for something that should happen at once. It is
// far longer than that takes on a busy machine.
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

// True returns when ok returns true, or fails tb. It is for what another goroutine
// does without an event that a test could wait for.
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
