package call

// Do: a call that waits for its answer.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// waiter is a Do that waits. Its fields are set before done is written to.
type waiter[A any] struct {
	done chan struct{} // has room for one
	a    *A
	err  error
}

func (w *waiter[A]) fail(err error) { w.end(nil, err) }

func (w *waiter[A]) end(a *A, err error) {
	w.a, w.err = a, err
	w.done <- struct{}{}
}

// Do calls the other side of c with q, and waits for its answer, for ctx to be done, or for
// the conn's end. The *A is the caller's. q is encoded before Do waits.
//
// The time for the call is what ctx leaves, or else Config.Timeout; the other side is told
// it. When ctx is cancelled, the other side is told that too, and the conn goes on: what is
// still answered is dropped.
//
// Errors are those of the answer, an *Error each; ErrTimeout; context.Canceled; what wraps
// OnLost's reason if the conn was lost meanwhile; ErrTooMany; and those of peer.Send, of which
// peer.ErrNotOnWire says that the other side does not have the call.
//
// Any goroutine may call it but those of the loops of c's reactor: there it is ErrOnLoop,
// and Go is what to use.
func Do[Q, A any](ctx context.Context, c *peer.Conn, call Call[Q, A], q *Q) (*A, error) {
	if ctx == nil {
		return nil, errNilContext
	}
	d := call.def
	if err := checkCall(c, d == nil); err != nil {
		return nil, err
	}
	if c.Peer().Reactor().OnLoop() {
		return nil, ErrOnLoop
	}
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	s := callsOf(c)
	carried, ended := s.making(ctx, d.request.Name())
	a, err := d.do(ctx, s, q, carried)
	if ended != nil {
		ended(err)
	}
	return a, err
}

// do makes a call and waits for its end.
func (d *definition[Q, A]) do(ctx context.Context, s *connCalls, q *Q, carried []byte) (*A, error) {
	w := d.waiters.Get().(*waiter[A])
	left, deadline := time.Duration(0), never // ctx's own timer ends the call
	if until, ok := ctx.Deadline(); ok {
		left = max(time.Until(until), 1)
	}
	id, err := d.begin(s, q, w, left, deadline, carried)
	if err != nil {
		if id == 0 { // nobody else has the waiter
			d.waiters.Put(w)
		}
		return nil, err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if s.takeCancelled(id) != nil {
			d.waiters.Put(w)
			return nil, d.withdraw(ctx, s, id)
		}
		<-w.done // it has ended at the same time
	}
	a, err := w.a, w.err
	w.a, w.err = nil, nil
	d.waiters.Put(w)
	return a, err
}

// withdraw says that a call has ended because of its context, also to the other side if
// that does not know: it has the deadline.
func (d *definition[Q, A]) withdraw(ctx context.Context, s *connCalls, id uint64) error {
	err := contextError(ctx)
	if err == ErrTimeout {
		s.host.stats.timedOut.Add(1)
		return err
	}
	s.host.stats.cancelled.Add(1)
	d.cancel(s.conn, id)
	return err
}

// contextError is what a call ends with that ends with ctx.
func contextError(ctx context.Context) error {
	if err := ctx.Err(); err != context.DeadlineExceeded {
		return err
	}
	return ErrTimeout
}
