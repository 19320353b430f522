package engine

import (
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

func holdUp(release chan struct{}) { <-release }
