package engine

// How Stop, Close and Listener.Close wait for callbacks, and when they give up.

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// leastStuckTime is how long Stop and Close wait, at least, while nothing moves.
// With less, a machine that is busy with something else would be taken for a
// callback that hangs.
const leastStuckTime = 2 * time.Second

// stuckTime is how long a wait for the loops goes on while nothing moves.
func (r *Reactor) stuckTime() time.Duration { return max(leastStuckTime, 2*r.cfg.StuckAfter) }

// maxNames is how many conns an UnfinishedError names.
const maxNames = 8

// progress is what changes while loops, conns and calls come to their ends.
type progress struct {
	turns           uint64
	conns           int64
	parked          int
	inside, streams int
}

func (r *Reactor) progress() (p progress) {
	for _, l := range r.loops {
		p.turns += l.inbox.callbacks.Load()
	}
	p.conns = r.conns.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	p.parked, p.inside, p.streams = r.parked, r.entering, len(r.streams)+len(r.closingListeners)
	return p
}

// waitUnlessStuck waits until done is closed, ctx is done, or nothing has moved for
// stuckTime. In the last two cases it returns an UnfinishedError. A callback that blocks for good, and two reactors whose
// callbacks wait for each other, cannot hang who calls it.
func (r *Reactor) waitUnlessStuck(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	look := time.NewTicker(r.stuckTime() / 8)
	defer look.Stop()
	last, since := r.progress(), time.Now()
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return r.unfinished(ctx.Err())
		case <-look.C:
		}
		if now := r.progress(); now != last {
			last, since = now, time.Now()
		} else if time.Since(since) >= r.stuckTime() {
			return r.unfinished(ErrStuck)
		}
	}
}

// unfinished says what runs still.
func (r *Reactor) unfinished(cause error) error {
	e := &UnfinishedError{Err: cause}
	for i, l := range r.loops {
		if l.inbox.inCallback() {
			e.Loops = append(e.Loops, i)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Conns = len(r.streams)
	for s := range r.streams {
		e.name(s)
	}
	for l := range r.closingListeners {
		e.name(l)
	}
	slices.Sort(e.Names)
	return e
}

// name adds a name, if there are not too many.
func (e *UnfinishedError) name(what fmt.Stringer) {
	if len(e.Names) < maxNames {
		e.Names = append(e.Names, what.String())
	}
}
