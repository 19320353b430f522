package call

// Handle: a call that is answered when its handler returns.

import "github.com/packetmq/packetmq/peer"

// Handle has fn called with every call of this kind that arrives at h, on the conn's loop, and
// answers with what it returns: the *A, of which nil stands for the zero A, or the error.
//
// The caller is told an error by its name if it is an *Error, an ErrorOf or a Public, as text
// if it comes from Errorf, and of any other error only that it was one: see
// Config.ShowErrors. A peer.Reason ends the conn with that reason, as in peer.Handle. A panic
// fails the call and leaves the conn. An error of a middleware is answered in the same way;
// Reply is how a middleware answers.
//
// fn should not take long, since it holds its loop up: HandleLater is for what does. The *Q
// is fn's to keep, unless the call was defined with registry.Reuse: then it is valid during
// the call. What is sent by fn leaves before the answer.
//
// Handle panics where peer.Handle does. Any goroutine may call it.
func Handle[Q, A any](h peer.Host, call Call[Q, A], fn func(c *Context, q *Q) (*A, error), opts ...peer.HandleOption) {
	mustHandle("Handle", call.def == nil, fn == nil)
	s := &server[Q, A]{def: call.def, fn: fn, run: (*server[Q, A]).runNow}
	s.serve(h, opts)
}

// mustHandle panics where the program is wrong.
func mustHandle(call string, undefined, isNil bool) {
	switch {
	case undefined:
		panic("call: " + call + ": " + ErrUndefined.Error())
	case isNil:
		panic("call: " + call + ": nil handler")
	}
}

// runNow calls the handler and sends its answer.
func (s *server[Q, A]) runNow(c *peer.Conn, ln *lane[A], r *Request[Q], q *Q) error {
	s.counted(c)
	id := r.ID // r is another packet's if the handler handles one itself
	ctx := ln.spare
	if ctx == nil || ctx.waited.Load() { // Done was called too late
		ctx = new(Context)
	}
	ln.spare, ln.now.context = nil, ctx
	ctx.begin(c, id, s.host.timeLeft(r.MS))
	if t := s.host.config.Load().Tracer; t != nil {
		s.host.handling(ctx, t, s.name())
	}
	a, err := s.fn(ctx, q)
	if err != nil {
		return err
	}
	if err := s.reply(c, ln, id, a); err != nil {
		return err
	}
	ln.now.stage = answered
	return nil
}
