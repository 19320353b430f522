package engine

// How a reactor starts, stops and runs on: its states, and the parking of its loops.

import (
	"context"
	"net"
	"slices"
)

// state is what a Reactor is doing.
type state uint8

const (
	idle    state = iota // not run yet
	running              //
	stopped              // every loop is parked
	ending               // conns are being closed
	ended
)

// driver brings a loop's events: it owns the goroutine that calls enter, turn
// and exit.
type driver interface {
	// enrol takes nc over, socket and all, and opens c over it.
	enrol(nc net.Conn, c *Conn) error
	// stop ends the goroutine once it is back from its callback.
	stop()
}

// Run runs the reactor until it is stopped, shut down or closed; then it
// returns nil, when every loop stands still: no callback runs any more. After a
// Stop before the first Run, that Run returns at once. It may not be called on a
// loop. With Config.OnCaller the callbacks run on the calling goroutine.
func (r *Reactor) Run() error {
	if r.cfg.OnCaller {
		return r.runHere()
	}
	if r.OnLoop() {
		return ErrOnLoop
	}
	r.mu.Lock()
	if r.stoppedEarly {
		r.stoppedEarly = false
		r.mu.Unlock()
		return nil
	}
	err := r.runAsync()
	still := r.still
	r.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-still:
	case <-r.done:
	}
	return nil
}

// RunAsync starts the reactor and returns. After a Stop it goes on where that
// left off, with the same conns; a Stop that has not come to its end is taken
// back.
func (r *Reactor) RunAsync() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stoppedEarly = false
	return r.runAsync()
}

// runAsync is RunAsync with r.mu held.
func (r *Reactor) runAsync() error {
	switch r.state {
	case running:
		return ErrRunning
	case ending, ended:
		return ErrClosed
	case idle:
		if err := r.boot(); err != nil {
			return err
		}
	case stopped:
		r.resume()
	}
	r.state = running
	r.clock.resume()
	r.halt.Store(false)
	r.cond.Broadcast()
	for _, l := range r.loops {
		l.inbox.poke()
	}
	return nil
}

// boot starts the drivers. r.mu is held.
func (r *Reactor) boot() error {
	for _, l := range r.loops {
		d, err := startDriver(l)
		if err != nil {
			for _, d := range r.drivers {
				d.stop()
			}
			r.drivers = nil
			for _, l := range r.loops {
				l.inbox.setWake(nil)
			}
			return err
		}
		r.drivers = append(r.drivers, d)
	}
	r.takeProcs()
	go r.watchForStuckCallbacks()
	return nil
}

// resume ends what Stop began. r.mu is held.
func (r *Reactor) resume() {
	select {
	case <-r.still:
		r.still = make(chan struct{})
	default:
		close(r.halting) // who stopped it waits no longer; who runs it goes on waiting
	}
}

// Stop ends all traffic, and closes nothing: no callback runs, no timer is due,
// nothing is read or written or accepted, and the other sides see no more than
// silence, until the reactor runs again. It returns when every loop stands
// still. Called on a loop it returns at once: the callback under way, the
// handling of one packet, is the last one of that loop, and other loops stand
// still when theirs have returned. While the reactor shuts down, Stop does
// nothing.
//
// For a callback that does not return, Stop does not wait for ever: when nothing
// has moved for two seconds, or twice Config.StuckAfter, it returns an
// UnfinishedError with ErrStuck, and the loops stand still when they can. So it
// is with two reactors whose callbacks stop each other.
func (r *Reactor) Stop() error {
	onLoop := r.OnLoop()
	halting := r.stop()
	if onLoop || halting == nil {
		return nil
	}
	return r.waitUnlessStuck(context.Background(), halting)
}

// stop has the loops stand still. What it returns is closed when they do, or nil
// when there is nothing to wait for.
func (r *Reactor) stop() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.state == idle:
		r.stoppedEarly = true
	case r.state == running && !r.draining.Load():
		r.state = stopped
		r.halting = make(chan struct{})
		r.clock.stop()
		r.halt.Store(true)
		r.cond.Broadcast()
		for _, l := range r.loops {
			l.inbox.poke()
		}
		// A virtual one's loops stand still between the steps, and others may not
		// have moved since the last Stop.
		if r.virtual || r.parked == len(r.loops) {
			r.markStill()
		}
	}
	if r.state != stopped {
		return nil
	}
	return r.halting
}

// markStill says that every loop stands still. r.mu is held.
func (r *Reactor) markStill() {
	close(r.halting)
	close(r.still)
}

func (r *Reactor) halted() bool { return r.halt.Load() }

// park has a loop's goroutine wait until the reactor runs on.
func (r *Reactor) park() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parked++
	if r.parked == len(r.loops) && r.state == stopped {
		r.markStill()
	}
	for r.state == stopped {
		r.cond.Wait()
	}
	r.parked--
}

// OnLoop reports whether it is called on one of the reactor's loops. It takes nanoseconds
// where it is not, and microseconds where it is.
func (r *Reactor) OnLoop() bool { return slices.ContainsFunc(r.loops, (*Loop).Here) }

// MayWait reports, by its error, whether the calling goroutine may wait for one
// of the loops: ErrOnLoop on a loop, ErrNotRunning before the first Run, and
// ErrClosed after the end.
func (r *Reactor) MayWait() error {
	if r.OnLoop() {
		return ErrOnLoop
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mayWait()
}

// mayWait is MayWait off the loops, with r.mu held.
func (r *Reactor) mayWait() error {
	switch r.state {
	case idle:
		return ErrNotRunning
	case ending, ended:
		return ErrClosed
	}
	return nil
}
