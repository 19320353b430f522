package engine

// How a reactor ends in order: Shutdown, which lets every handler finish its conversation.

import (
	"context"
	"errors"
	"time"
)

// Shutdown ends the reactor in order: it stops accepting, has every handler
// end its conversation, waits until what is due has been sent and the conns
// are closed, and then closes the rest. What did not end before ctx did, or
// within Config.Drain if ctx has no deadline, is told by a ShutdownError. A
// stopped reactor runs on for it.
//
// Called on a loop it returns nil at once, and Done tells the end.
func (r *Reactor) Shutdown(ctx context.Context) error {
	if ctx == nil {
		return errNilContext
	}
	if r.mustPoll() {
		r.startDraining() // a stopped one runs on
		return r.whilePolling(func() error { return r.Shutdown(ctx) })
	}
	if r.OnLoop() {
		own, cancel := context.WithoutCancel(ctx), context.CancelFunc(func() {})
		if at, ok := ctx.Deadline(); ok {
			own, cancel = context.WithDeadline(own, at)
		}
		go func() { defer cancel(); r.Shutdown(own) }()
		return nil
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.cfg.Drain)
		defer cancel()
	}
	if !r.startDraining() {
		return r.close(ctx)
	}
	r.runShutdownHooks(ctx, BeforeShutdown)
	r.closeListeners()
	r.runShutdownHooks(ctx, DuringShutdown)
	for _, l := range r.loops {
		l.Post(l.drain)
	}
	select {
	case <-r.drained:
		return r.close(ctx)
	case <-r.done:
		return nil
	case <-ctx.Done():
	}
	more, cancel := context.WithTimeout(context.WithoutCancel(ctx), overtime)
	defer cancel()
	left := r.leftOver(more, ctx.Err())
	return errors.Join(left, r.close(more))
}

// overtime is how much longer than its context a Shutdown may take, to count and
// to close what is left.
const overtime = 100 * time.Millisecond

// startDraining reports whether there is something to wait for.
func (r *Reactor) startDraining() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runAsync() // a stopped reactor cannot send; one that runs, or has ended, is left alone
	if r.state != running {
		return false
	}
	if !r.draining.Swap(true) {
		r.drained = make(chan struct{})
	}
	if r.conns.Load() == 0 {
		r.markDrained()
	}
	return true
}

// markDrained tells Shutdown that no conn is left. r.mu is held.
func (r *Reactor) markDrained() {
	select {
	case <-r.drained:
	default:
		close(r.drained)
	}
}

// leftOver counts what a Shutdown leaves behind: on the loops, or, if one of
// them does not come to that before ctx is done, roughly and for all of them.
func (r *Reactor) leftOver(ctx context.Context, cause error) error {
	e := &ShutdownError{Err: cause}
	for _, l := range r.loops {
		err := l.Call(ctx, func() {
			for _, c := range l.conns {
				e.Conns++
				e.Bytes += int64(c.pendingNow())
			}
		})
		if err != nil {
			return &ShutdownError{Conns: r.Conns(), Bytes: r.total.Load(), Err: cause}
		}
	}
	return e
}

// drain has every handler of the loop end its conversation.
func (l *Loop) drain() {
	l.r.callShutdownHooks(l, DuringShutdown)
	for _, c := range append([]*Conn(nil), l.conns...) {
		c.drain()
	}
}
