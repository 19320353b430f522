package engine

// The loop: its parts, and what a program calls.

import (
	"context"
	"sync/atomic"
	"time"
)

// Loop is one goroutine on which every callback of its conns, timers and
// posted functions runs, one at a time. When runtime.Goexit ends it, another one
// takes its place.
//
// Its methods may be called from any goroutine, but for those that say otherwise.
type Loop struct {
	// Set once.
	r          *Reactor
	index      int
	handover   *handover // with Config.OnCaller, once it runs
	commitFrom int       // from how many bytes written on Commit has something to do
	tap        Tap       // Config.Tap

	// Any goroutine.
	inbox     inbox
	timers    timers
	goroutine goroutine

	// Loop only.
	buffers   *Cache
	conns     openConns
	sockets   int // how many of them a poller serves
	ready     readyConns
	metPause  bool // input was offered to a conn that was paused at that moment
	dirty     dirtyConns
	unwritten unwritten
	events    deferredEvents
	batching  batching
	flooding  flooding
	unread    unreadInput
	backlogs  backlogs
	writable  writable
	deadlines deadlineWheel
	kept      keeping
	wakeUps   uint64 // turns that the wake-up began
	closing   loopClosing
	watchers  callbackWatchers
	finished  bool // the callback came to its end; else Goexit is ending the goroutine
}

// newLoop makes a loop of r, and tells its parts of those that they use.
func newLoop(r *Reactor, index int) *Loop {
	l := &Loop{
		r:          r,
		index:      index,
		commitFrom: min(flushFrom, r.cfg.MaxPending),
		tap:        r.cfg.Tap,
		buffers:    r.pool.cache(),
	}
	l.timers.clock, l.timers.inbox = r.clock, &l.inbox
	l.deadlines.clock, l.deadlines.inbox = r.clock, &l.inbox
	l.deadlines.timers, l.deadlines.conns = &l.timers, &l.conns
	l.batching.clock, l.batching.inbox = r.clock, &l.inbox
	l.flooding = newFlooding(r.clock, &l.inbox)
	l.backlogs.timers = &l.timers
	return l
}

// Post has fn called on the loop, after all that was posted before it. It never blocks.
// What is still posted when the reactor closes is dropped.
func (l *Loop) Post(fn func()) error { return l.PostElse(fn, nil) }

// PostElse is Post for what somebody waits for: when fn is dropped because the reactor
// closes, dropped is called in its place, as the last that happens on the loop. With an error
// neither is called. A nil dropped is nothing.
func (l *Loop) PostElse(fn, dropped func()) error {
	if fn == nil {
		return nonNil("function", fn)
	}
	return l.inbox.post(task{fn: fn, dropped: dropped})
}

// Call has fn called on the loop and waits until it has returned, ctx is done,
// or the reactor has closed. With an error, fn was not called and will not be,
// unless ctx was done while it ran. It may not be called on the loop itself.
func (l *Loop) Call(ctx context.Context, fn func()) error {
	if fn == nil {
		return nonNil("function", fn)
	}
	if ctx == nil {
		return errNilContext
	}
	if l.r.OnLoop() {
		return ErrOnLoop
	}
	var taken atomic.Bool // by the loop, or by who waits no longer
	called := make(chan struct{})
	err := l.Post(func() {
		if !taken.Swap(true) {
			defer close(called)
			fn()
		}
	})
	if err != nil {
		return err
	}
	select {
	case <-called:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-l.r.done:
		err = ErrClosed
	}
	taken.Store(true)
	select {
	case <-called:
		return nil
	default:
		return err
	}
}

// After calls fn on the loop once d has passed, not before. Any goroutine may
// call it. The loop's clock stands still while the reactor is stopped. On a closed
// reactor the timer never comes.
func (l *Loop) After(d time.Duration, fn func()) *Timer { return l.timers.after(d, fn) }

// Every calls fn on the loop each time d has passed, until the timer is
// stopped. Calls that could not be made in time are left out, not made up for.
// A d below a millisecond means a millisecond. Any goroutine may call it.
func (l *Loop) Every(d time.Duration, fn func()) *Timer {
	d = max(d, time.Millisecond)
	return l.timers.every(d, d, fn)
}

// EveryNow is Every with a first call at once, in the loop's next turn.
func (l *Loop) EveryNow(d time.Duration, fn func()) *Timer {
	return l.timers.every(0, max(d, time.Millisecond), fn)
}

// Now is the clock of the loop's deadlines. It goes on in steps of 250 ms while conns are
// open. It stands still while the reactor is stopped, and while the loop cannot read its
// sockets, because of a long callback or because the whole process is stopped. To read it
// costs a load. On the loop only.
func (l *Loop) Now() time.Duration {
	l.mustBeHere("Loop.Now")
	return time.Duration(l.deadlines.now) * Tick
}

// Time is the time since the reactor was made, without the time it stood stopped.
// Any goroutine may call it.
func (l *Loop) Time() time.Duration { return l.r.clock.now() }

// Ticks is Now in ticks. On the loop only.
func (l *Loop) Ticks() Ticks {
	l.mustBeHere("Loop.Ticks")
	return Ticks(l.deadlines.now)
}

// Halted reports whether the reactor was stopped and the callback under way
// should return soon; what it leaves waits for the next Run.
func (l *Loop) Halted() bool { return l.r.halted() }

// Index is the loop's place in Reactor.Loops.
func (l *Loop) Index() int { return l.index }

// Buffers are the reactor's, for the loop's own goroutine: they may come from
// it and go back to it without an atomic operation.
func (l *Loop) Buffers() *Cache { return l.buffers }

// Here reports whether it is called on the loop. It takes nanoseconds where it is not, and
// microseconds where it is.
func (l *Loop) Here() bool { return l.goroutine.isCalling() }

// Reactor is the loop's owner.
func (l *Loop) Reactor() *Reactor { return l.r }

// hasWork reports whether a turn would find something to do. Only who takes the turns
// may call it.
func (l *Loop) hasWork() bool {
	return l.timers.isDue(l.r.clock.now()) || l.ready.any() || !l.inbox.isEmpty() || len(l.deadlines.due) > 0 ||
		len(l.dirty) > 0 || l.events.any() // what a Goexit kept from being settled
}
