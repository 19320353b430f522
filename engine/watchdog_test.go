package engine

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestStuckLoopIsReported(t *testing.T) {
	type report struct {
		loop  int
		stack string
	}
	stuck := make(chan report, 10)
	r := start(t, &Config{
		Loops:      2,
		StuckAfter: 20 * time.Millisecond,
		OnStuck:    func(l *Loop, stack []byte) { stuck <- report{l.Index(), string(stack)} },
	})
	release := make(chan struct{})
	r.Loops()[1].Post(func() { holdUp(release) })
	got := wait(t, "report", stuck)
	if got.loop != 1 || !strings.Contains(got.stack, "holdUp") {
		t.Errorf("loop %d is reported, at\n%s", got.loop, got.stack)
	}
	done := make(chan struct{})
	r.Loops()[0].Post(func() { close(done) })
	wait(t, "task of the other loop", done)
	close(release)
	r.Loops()[1].Call(t.Context(), func() {})
	if len(stuck) > 0 {
		t.Error("reported twice")
	}
}

// Faults of OnStuck are its own, and the watchdog goes on.
func TestFaultsInOnStuck(t *testing.T) {
	calls, faults := make(chan struct{}), make(chan func(), 3)
	r := start(t, &Config{StuckAfter: 5 * time.Millisecond, OnStuck: func(*Loop, []byte) {
		calls <- struct{}{}
		(<-faults)()
	}})
	for _, fault := range []func(){ouch, runtime.Goexit, func() {}} {
		release := make(chan struct{})
		r.Post(func() { holdUp(release) })
		wait(t, "report", calls)
		close(release)
		faults <- fault
	}
}

// A loop that is stuck is no less so when somebody waits for it to stop.
func TestStuckLoopIsReportedWhileItIsToStop(t *testing.T) {
	stuck, release := make(chan struct{}, 1), make(chan struct{})
	r := start(t, &Config{StuckAfter: 5 * time.Millisecond, OnStuck: func(*Loop, []byte) { stuck <- struct{}{} }})
	held := make(chan struct{})
	r.Post(func() { r.halt.Store(true); close(held); holdUp(release) }) // as Stop, which would wait here
	wait(t, "callback", held)
	wait(t, "report", stuck)
	r.halt.Store(false)
	close(release)
}

func holdUp(release chan struct{}) { <-release }
