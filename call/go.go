package call

// Go: a call whose answer comes to a function.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// callback is the function of a Go.
type callback[A any] func(*A, error)

func (fn callback[A]) fail(err error) { fn(nil, err) }

// Pending is a call of Go that may be under way.
type Pending struct {
	calls *connCalls // nil: the call was not made
	id    uint64
	def   canceller
}

// canceller is the definition of a call, of any types.
type canceller interface{ cancel(c *peer.Conn, id uint64) }

// Cancel ends the call, and tells the other side. It reports whether it kept the call from
// ending otherwise: then its function is called, on the loop, with context.Canceled. Any
// goroutine may call it, any number of times.
func (p Pending) Cancel() bool {
	if p.calls == nil {
		return false
	}
	w := p.calls.takeCancelled(p.id)
	if w == nil {
		return false
	}
	p.calls.host.stats.cancelled.Add(1)
	p.def.cancel(p.calls.conn, p.id)
	p.calls.post(w, context.Canceled)
	return true
}

// Go calls the other side of c with q, and has fn called on c's loop, once, when the call has
// ended: with the answer, or with an error as Do returns them. Even what keeps the call from
// being made, such as ErrTooMany, comes to fn, after Go has returned; only if there is no loop
// any more, or c is nil, does Go call fn itself. A timeout of 0 stands for Config.Timeout. One
// below 0 is over: fn is told ErrTimeout, and nothing is sent. q is encoded before Go returns.
//
// fn may keep the *A, unless the call was defined with registry.Reuse: then it is valid
// during the call. A panic in fn ends the conn, as in a handler.
//
// Any goroutine may call it; it never blocks. It panics if fn is nil.
func Go[Q, A any](c *peer.Conn, call Call[Q, A], q *Q, timeout time.Duration, fn func(a *A, err error)) Pending {
	return GoFrom(context.Background(), c, call, q, timeout, fn)
}

// GoFrom is Go for a call that is made because of something else, whose context is ctx: that
// of another call's handler, for example. Only Config.Tracer looks at ctx: the call goes on
// when it is done.
func GoFrom[Q, A any](ctx context.Context, c *peer.Conn, call Call[Q, A], q *Q, timeout time.Duration, fn func(a *A, err error)) Pending {
	if fn == nil {
		panic("call: Go: nil function")
	}
	d := call.def
	err := checkCall(c, d == nil)
	if ctx == nil {
		err = errNilContext
	}
	if err != nil {
		fn(nil, err)
		return Pending{}
	}
	s := callsOf(c)
	carried, ended := s.making(ctx, d.request.Name())
	w := callback[A](fn)
	if ended != nil {
		w = func(a *A, err error) {
			ended(err)
			fn(a, err)
		}
	}
	if timeout < 0 {
		s.post(w, ErrTimeout)
		return Pending{}
	}
	id, err := d.begin(s, q, w, timeout, 0, carried)
	if err != nil {
		if id == 0 {
			s.post(w, err)
		}
		return Pending{}
	}
	return Pending{s, id, d}
}

// post tells a call of its end on the conn's loop.
func (s *connCalls) post(w waiting, err error) {
	tell := func() { s.tell(func() { w.fail(err) }) }
	if s.conn.Loop().PostElse(tell, tell) != nil { // the loop has ended
		w.fail(err)
	}
}
