package engine

// The functions that a program has called when the reactor ends.

import (
	"context"
	"slices"
)

// Phase is when, in a Shutdown or Close, a function given to OnShutdown is called.
type Phase uint8

const (
	// BeforeShutdown is before anything ends: conns can still send and be sent to.
	BeforeShutdown Phase = iota

	// DuringShutdown is when nothing is accepted any more, and before conns are
	// asked to end, or, in a Close, ended.
	DuringShutdown

	// AfterShutdown is when every conn has ended. Nothing is called after that.
	AfterShutdown
)

// shutdownHook is a function that a Shutdown or Close is to call.
type shutdownHook struct{ fn func() }

// shutdownHooks are those of each phase, in order. They are guarded by Reactor.mu.
type shutdownHooks struct {
	of     [AfterShutdown + 1][]*shutdownHook
	passed Phase // phases before this one are over; the next after AfterShutdown: all
}

// OnShutdown has fn called once, on the first loop, when the reactor shuts down or
// closes, in the order of OnShutdown within a phase; remove takes that back. It is
// the place for what has to be saved or said at the end, and does not hold up a
// Close or Shutdown for longer than a callback does. A phase that is over gives
// ErrClosed. Any goroutine may call it.
func (r *Reactor) OnShutdown(when Phase, fn func()) (remove func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ts := &r.shutdownHooks
	if when > AfterShutdown || when < ts.passed || r.state == ended {
		return nil, ErrClosed
	}
	t := &shutdownHook{fn}
	ts.of[when] = append(ts.of[when], t)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		ts.of[when] = slices.DeleteFunc(ts.of[when], func(x *shutdownHook) bool { return x == t })
	}, nil
}

// runShutdownHooks has the functions of the phases up to last called on the first loop, and
// waits for that until ctx is done. Where no goroutine takes the loop's turns, the
// loop's end does it.
func (r *Reactor) runShutdownHooks(ctx context.Context, last Phase) {
	for l := r.loops[0]; !r.virtual && r.hasShutdownHooks(last); { // again, after a Goexit
		if l.Call(ctx, func() { r.callShutdownHooks(l, last) }) != nil {
			return
		}
	}
}

// hasShutdownHooks reports whether a loop with a driver has functions to call.
func (r *Reactor) hasShutdownHooks(last Phase) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range r.shutdownHooks.of[:last+1] {
		if len(list) > 0 {
			return len(r.drivers) > 0
		}
	}
	return false
}

// callShutdownHooks calls those that are left up to a phase, if on, the calling loop, is the
// first one. A Goexit leaves the rest to another call.
func (r *Reactor) callShutdownHooks(on *Loop, last Phase) {
	if on != r.loops[0] {
		return
	}
	for t := r.nextShutdownHook(last); t != nil; t = r.nextShutdownHook(last) {
		r.call(t.fn)
	}
}

// nextShutdownHook takes out the first function left of the phases up to last, or nil.
func (r *Reactor) nextShutdownHook(last Phase) *shutdownHook {
	r.mu.Lock()
	defer r.mu.Unlock()
	for ts := &r.shutdownHooks; ts.passed <= last; ts.passed++ {
		if list := ts.of[ts.passed]; len(list) > 0 {
			ts.of[ts.passed] = list[1:]
			return list[0]
		}
	}
	return nil
}
