package engine

// How a reactor closes at once: Close, and the order in which everything is torn down.

import (
	"context"
	"sync"

	"github.com/packetmq/packetmq/internal/procs"
)

// Close ends the reactor and every conn, at once: what waits is lost. It
// returns when every callback has returned and every descriptor is closed, but
// for what Acceptors have in hand; called on a loop it returns at once, and Done
// tells the end.
//
// For a callback that does not return, Close does not wait for ever: when
// nothing has moved for two seconds, or twice Config.StuckAfter, it returns an
// UnfinishedError with ErrStuck. All that does not need the callback's loop is
// closed by then, and the rest when the callback returns. So it is with two
// reactors whose callbacks close each other.
func (r *Reactor) Close() error {
	if r.mustPoll() {
		r.end()
		return r.whilePolling(func() error { return r.close(context.Background()) })
	}
	if r.OnLoop() {
		r.end()
		return nil
	}
	return r.close(context.Background())
}

// close is Close off the loops, until ctx is done.
func (r *Reactor) close(ctx context.Context) error {
	r.end()
	return r.waitUnlessStuck(ctx, r.done)
}

// end has the reactor end, if nobody else has.
func (r *Reactor) end() {
	if r.claimEnd() {
		go r.teardown()
	}
}

// claimEnd reports whether the caller is the one to end the reactor.
func (r *Reactor) claimEnd() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.state {
	case ending, ended:
		return false
	case stopped:
		r.resume()
	}
	r.state = ending
	r.halt.Store(false)
	r.cancel(ErrClosed)
	r.cond.Broadcast()
	return true
}

// teardown closes everything, in the order of what feeds what.
func (r *Reactor) teardown() {
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Drain) // for one of several loops that is stuck
	defer cancel()
	r.runShutdownHooks(ctx, BeforeShutdown)
	r.closeListeners()
	r.runShutdownHooks(ctx, DuringShutdown)
	r.mu.Lock()
	for r.entering > 0 {
		r.cond.Wait()
	}
	drivers := r.drivers
	r.mu.Unlock()
	// At the same time, since one may be in a callback that does not return.
	var closing sync.WaitGroup
	for i, l := range r.loops {
		if len(drivers) == 0 || r.virtual { // in order, for the virtual ones
			r.closeHere(l)
			continue
		}
		closing.Go(func() {
			r.closeThere(l)
			drivers[i].stop()
		})
	}
	closing.Wait()
	r.loops[0].goroutine.callOnNew(func() { r.callShutdownHooks(r.loops[0], AfterShutdown) })
	r.work.close()
	if !r.virtual {
		procs.Give(len(drivers))
	}
	r.mu.Lock()
	for len(r.streams)+len(r.closingListeners) > 0 {
		r.cond.Wait()
	}
	r.state = ended
	r.cond.Broadcast()
	r.mu.Unlock()
	r.lines.Flush(flushTime)
	close(r.done)
}

// closeHere closes l, which has no goroutine, on one that it makes.
func (r *Reactor) closeHere(l *Loop) {
	if r.virtual { // whose callback may have asked for this
		r.steps.Lock()
		defer r.steps.Unlock()
	}
	l.goroutine.callOnNew(func() { l.close(ErrClosed) })
}

// closeThere closes l on its goroutine.
func (r *Reactor) closeThere(l *Loop) {
	closed := make(chan struct{})
	l.Post(func() { l.closeAndTell(ErrClosed, closed) })
	<-closed
}

// within returns a ctx that also ends with the reactor, for the cause ErrClosed.
func (r *Reactor) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(r.endCtx, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// retain keeps the reactor from being torn down while a conn is dialled or
// brought in. It waits while the reactor is stopped.
func (r *Reactor) retain(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cond.Broadcast()
	})()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.state == stopped {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.cond.Wait()
	}
	if err := r.mayWait(); err != nil {
		return err
	}
	r.entering++
	return nil
}

// release undoes retain.
func (r *Reactor) release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entering--
	r.cond.Broadcast()
}
