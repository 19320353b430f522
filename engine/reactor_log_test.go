package engine

import (
	"context"
	"log/slog"
	"runtime"
	"sync/atomic"
	"testing"
)

// failing is a logger that fails in the way of fail.
type failing struct {
	slog.Handler
	fail func()
}

func (f failing) Enabled(context.Context, slog.Level) bool  { f.fail(); return true }
func (f failing) Handle(context.Context, slog.Record) error { f.fail(); return nil }

// A loop goes on whatever its logger does, and the reactor closes.
func TestLoggerCannotHoldALoopUp(t *testing.T) {
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	for name, fail := range map[string]func(){
		"blocks": func() { <-forever },
		"panics": func() { panic("in the logger") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			r := New(&Config{Logger: slog.New(failing{slog.DiscardHandler, fail})})
			if err := r.RunAsync(); err != nil {
				t.Fatal(err)
			}
			var ran atomic.Int64
			for range 1000 {
				r.Post(func() { ran.Add(1); panic("in a callback") })
				r.Post(func() { r.log(slog.LevelWarn, "the poller reports") })
			}
			if err := r.loops[0].Call(t.Context(), func() {}); err != nil {
				t.Fatal(err)
			}
			if ran.Load() != 1000 {
				t.Errorf("%d functions were called", ran.Load())
			}
			r.Close()
		})
	}
}

// Lines that were logged before the end are written when Close returns.
func TestCloseWritesWhatWasLogged(t *testing.T) {
	var lines atomic.Int64
	r := New(&Config{Logger: slog.New(failing{slog.DiscardHandler, func() { lines.Add(1) }})})
	if err := r.RunAsync(); err != nil {
		t.Fatal(err)
	}
	r.Post(func() { panic("in a callback") })
	r.loops[0].Call(t.Context(), func() {})
	r.Close()
	if lines.Load() == 0 {
		t.Error("the line is lost")
	}
}

// A virtual reactor has no goroutine for its lines, and contains its logger all the
// same.
func TestLoggerOfAVirtualReactor(t *testing.T) {
	lines := 0
	v := NewVirtual(&Config{Logger: slog.New(failing{slog.DiscardHandler, func() { lines++; panic("in the logger") }})})
	defer v.Close()
	v.Reactor().Post(func() { panic("in a callback") })
	if v.Settle(10); lines != 1 {
		t.Errorf("%d lines", lines)
	}
}
