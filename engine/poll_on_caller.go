package engine

// Reactors whose callbacks run on the program's own goroutine: Config.OnCaller, Poll and WaitDue.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/internal/guard"
)

// handover has the callbacks of a poller run on the goroutine that is in Poll or Run, for
// Config.OnCaller. The poller's goroutine waits from when it has an event until the event
// was handled, so only one of the two uses the loop. While nobody polls it waits as well,
// reads nothing, and the kernel's buffers fill.
type handover struct {
	loop    *Loop
	handle  func()        // handles the event
	came    chan struct{} // holds one when there is an event
	handled chan struct{} // holds one when it was handled
	off     chan struct{} // closed: events are dropped

	owes bool // an event was handled, and handled does not say so yet. For the goroutine that polls
}

func newHandover(l *Loop, handle func()) *handover {
	return &handover{
		loop:    l,
		handle:  handle,
		came:    make(chan struct{}, 1),
		handled: make(chan struct{}, 1),
		off:     make(chan struct{}),
	}
}

// run has the event handled. On the poller's goroutine.
func (h *handover) run() {
	select {
	case <-h.off: // the loop has closed
		return
	default:
	}
	h.came <- struct{}{}
	select {
	case <-h.handled:
		return
	case <-h.off:
	}
	select {
	case <-h.came: // nobody will handle it
	case <-h.handled: // somebody was about to
	}
}

// end lets the poller's goroutine go on, for good. An event that is being handled is
// waited for, since its handler has the conns until then.
func (h *handover) end() { close(h.off) }

// serve handles the event that came. A Goexit or a panic passes through, and the
// next event finds what is left. The poller's goroutine goes on at release.
func (h *handover) serve() {
	guard.Then(h.handle, func(returned bool) {
		if !returned {
			h.loop.exit()
		}
		h.owes = true
	})
}

// release lets the poller's goroutine go on after serve. The goroutine that polls calls it
// before it waits for the next event, and when it gives the loop back: until then it has the
// conns for itself, which gnet's callbacks look at too.
func (h *handover) release() {
	if h.owes {
		h.owes = false
		h.handled <- struct{}{}
	}
}

// Poll runs what is due on a reactor with Config.OnCaller, on the calling goroutine
// and its thread: input, posted functions, timers, deadlines and memory conns. The
// first Poll starts the reactor. It returns when nothing is due; with more, since
// Config.PollTime was over and something may still be due; or with ctx's error,
// when ctx is done. It does not wait for something to come: WaitDue does. No limit
// of time interrupts a callback.
//
// Between two Polls nothing of the program's is called and nothing is read: the
// other sides see full windows. Timers go on, and deadlines where a Poll comes at
// least every 250 ms: of more than that, they take most for a stall, as Loop.Now
// tells. What is sent meanwhile leaves in the next Poll. The goroutine that polled last is the loop's until another one
// polls: OnLoop is true there, and calls that would wait for the loop return
// ErrOnLoop, except that Close and Shutdown between two Polls poll by themselves
// and come back at the end. So they do on any goroutine where the reactor
// does not run. Where it does, the next Poll does their work, and if there is none,
// they return the errors that they have for a callback that does not return.
//
// A runtime.Goexit in a callback ends the conn it happened on, and the calling
// goroutine, which is the caller's own; another one may go on. Where that happens
// while the reactor closes or shuts down, a goroutine of the engine's does the rest.
//
// Errors are ErrNotOnCaller without Config.OnCaller, ErrOnLoop in a callback,
// ErrRunning while another goroutine is in Poll, WaitDue or Run, ErrNotRunning
// after a Stop, until Run or RunAsync, and ErrClosed at and after the end.
func (r *Reactor) Poll(ctx context.Context) (more bool, err error) {
	if ctx == nil {
		return false, errNilContext
	}
	if err := r.takeLoop(); err != nil {
		return false, err
	}
	guard.Then(func() { more, err = r.poll(ctx) }, r.giveLoop)
	return more, err
}

// poll is Poll on the goroutine that has the loop.
func (r *Reactor) poll(ctx context.Context) (more bool, err error) {
	l := r.loops[0]
	until := time.Now().Add(r.cfg.PollTime)
	// The wake-up's event comes after those of the sockets that are ready now. A round in
	// which it is the only event, and after which there is nothing to do, is the last.
	for quiet := false; !quiet || l.hasWork(); {
		quiet = true
		l.inbox.wakeAfterRound()
		for rounds := l.wakeUps; l.wakeUps == rounds; {
			l.handover.release()
			select {
			case <-ctx.Done():
				return l.hasWork(), ctx.Err()
			case <-r.done:
				return false, ErrClosed
			case <-l.handover.came:
			}
			if r.halted() {
				l.handover.came <- struct{}{} // for who runs it on
				return false, nil
			}
			l.handover.serve()
			if r.halted() {
				return false, nil
			}
			quiet = quiet && l.wakeUps != rounds
			if time.Now().After(until) {
				return !quiet || l.hasWork(), ctx.Err()
			}
			if r.isEnding() {
				return false, r.serveEnd(ctx)
			}
		}
	}
	return false, nil
}

// serveEnd handles what comes until the reactor has closed, as it is about to.
func (r *Reactor) serveEnd(ctx context.Context) error {
	h := r.loops[0].handover
	for {
		h.release()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.done:
			return ErrClosed
		case <-h.came:
			h.serve()
		}
	}
}

// WaitDue waits until there may be something for Poll to do, or ctx is done, and
// calls nothing. Its other errors are those of Poll.
func (r *Reactor) WaitDue(ctx context.Context) error {
	if ctx == nil {
		return errNilContext
	}
	if err := r.takeLoop(); err != nil {
		return err
	}
	defer r.giveLoop(true)
	l := r.loops[0]
	if l.hasWork() {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.done:
		return ErrClosed
	case <-l.handover.came:
		l.handover.came <- struct{}{} // for Poll
		return nil
	}
}

// runHere is Run with Config.OnCaller.
func (r *Reactor) runHere() error {
	if in, err := r.takeLoopToRun(); !in {
		return err
	}
	guard.Then(func() { r.serveUntil(r.done) }, r.giveLoop)
	return nil
}

// takeLoopToRun is takeLoop for Run, which runs a stopped reactor on. With neither
// the loop nor an error, there is nothing to run.
func (r *Reactor) takeLoopToRun() (in bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.loopIsFree(); err != nil { // before a Stop is taken back
		return false, err
	}
	if r.stoppedEarly {
		r.stoppedEarly = false
		return false, nil
	}
	if r.state == stopped {
		r.runAsync()
	}
	err = r.occupy()
	return err == nil, err
}

// serveUntil handles what comes until done is closed, or the reactor is stopped.
func (r *Reactor) serveUntil(done <-chan struct{}) {
	h := r.loops[0].handover
	for !r.halted() {
		h.release()
		select {
		case <-done:
			return
		case <-h.came:
		}
		if r.halted() {
			h.came <- struct{}{} // for who runs it on
			return
		}
		h.serve()
	}
}

// whilePolling calls wait, which waits for the loop, on a goroutine of its own, and
// serves the loop meanwhile. It is for the goroutine that polls, between two Polls.
func (r *Reactor) whilePolling(wait func() error) error {
	if err := r.takeLoop(); err != nil {
		return wait() // it has ended
	}
	var err error
	done := make(chan struct{})
	guard.Then(func() {
		go func() { defer close(done); err = wait() }()
		r.serveUntil(done)
		<-done
	}, r.giveLoop)
	return err
}

// takeLoop makes the calling goroutine the one that polls. The first one starts the
// reactor.
func (r *Reactor) takeLoop() error {
	if !r.cfg.OnCaller {
		return ErrNotOnCaller
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.loopIsFree(); err != nil {
		return err
	}
	if r.state == stopped || r.stoppedEarly {
		return ErrNotRunning
	}
	return r.occupy()
}

// loopIsFree says why the calling goroutine cannot poll. r.mu is held.
func (r *Reactor) loopIsFree() error {
	switch {
	case r.state == ended, r.state == ending && len(r.drivers) == 0:
		return ErrClosed
	case r.parked == 0 && r.loops[0].Here():
		return ErrOnLoop
	case r.parked == 0:
		return ErrRunning
	}
	return nil
}

// occupy takes the loop, which is free. r.mu is held.
func (r *Reactor) occupy() error {
	if r.state == idle {
		if err := r.runAsync(); err != nil {
			return err
		}
	}
	r.parked = 0
	r.loops[0].goroutine.adopt()
	return nil
}

// giveLoop takes takeLoop back. What is batched leaves. Returned is false when a
// Goexit, or a panic of a transport, ends the polling: then what was to be closed
// is closed by a goroutine that is not the program's.
func (r *Reactor) giveLoop(returned bool) {
	defer func() {
		r.loops[0].handover.release() // after what is batched, and before another goroutine polls
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.parked = 1; r.state == stopped {
			r.markStill()
		}
		if !returned && (r.state == ending || r.draining.Load()) {
			go r.runHere()
		}
	}()
	if l := r.loops[0]; len(l.dirty) > 0 {
		l.begin()
		defer l.exit()
		l.dirty.flush()
		l.finish()
	}
}

func (r *Reactor) isEnding() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state >= ending
}

// mustPoll reports whether the calling goroutine is to poll while it waits for the
// reactor's end: it is the one that polls, between two Polls, or the reactor does
// not run, so that nobody else will.
func (r *Reactor) mustPoll() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cfg.OnCaller && r.parked == 1 && (r.loops[0].Here() || r.state == stopped || r.state == idle)
}
