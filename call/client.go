package call

// The side that made a call: its answer.

import (
	"errors"

	"github.com/packetmq/packetmq/peer"
)

// client handles the answers to one call at one peer.
type client[Q, A any] struct {
	def  *definition[Q, A]
	host *host
	came []cameTo // by loop
}

// cameTo tells whether a loop's answer came through middleware.
type cameTo struct {
	handler bool
	_       [63]byte // loops do not share cache lines
}

// handleAnswers has a peer handle the answers to the call.
func (d *definition[Q, A]) handleAnswers(p *peer.Peer) {
	cl := &client[Q, A]{def: d, host: hostOf(p), came: make([]cameTo, len(p.Reactor().Loops()))}
	peer.Handle(p, d.answer, cl.handle, peer.Around(cl.around))
}

// around is the outermost middleware. An answer that another one stops fails its call, which
// else would wait in vain.
func (cl *client[Q, A]) around(next peer.Next) peer.Next {
	return func(in *peer.Incoming) error {
		came := &cl.came[in.Conn().Loop().Index()].handler
		outer := *came // of a packet that the program handles in the midst of another
		*came = false
		err := next(in)
		handled := *came
		*came = outer
		if handled {
			return err
		}
		return cl.stopped(in, err)
	}
}

// stopped ends a call whose answer a middleware has stopped.
func (cl *client[Q, A]) stopped(in *peer.Incoming, err error) error {
	var payload *peer.PayloadError
	switch {
	case isReason(err):
		return err
	case errors.As(err, &payload):
		cl.host.stats.malformedPacket.Add(1)
		return err
	case isDrop(err):
		err = ErrStopped
	}
	v, valueErr := in.Value()
	if valueErr != nil {
		cl.host.stats.malformedPacket.Add(1)
		return valueErr
	}
	if r, ok := v.(*Response[A]); ok {
		if w := cl.take(in.Conn(), r.ID); w != nil {
			w.fail(err)
		}
	}
	return nil
}

// take ends the call that an answer is for, and returns who waits for it, or nil.
func (cl *client[Q, A]) take(c *peer.Conn, id uint64) waiting {
	s, ok := connSlot.Get(c)
	if !ok {
		cl.host.stats.late.Add(1)
		return nil
	}
	w, _ := s.answer(id, cl.def)
	return w
}

// handle handles an answer.
func (cl *client[Q, A]) handle(c *peer.Conn, r *Response[A]) error {
	r.keep = cl.def.reuse
	if r.ID == 0 {
		return malformed(cl.def.answer.Name(), ErrNoID)
	}
	s, ok := connSlot.Get(c)
	if !ok {
		cl.host.stats.late.Add(1)
	}
	var w waiting
	if ok {
		var err error
		if w, err = s.answer(r.ID, cl.def); err != nil {
			return malformed(cl.def.answer.Name(), err)
		}
	}
	cl.came[c.Loop().Index()].handler = true
	switch {
	case w == nil:
		return nil
	case r.Error != nil:
		w.fail(cl.host.errors.received(r.Error))
		return nil
	}
	switch w := w.(type) {
	case callback[A]:
		a := r.Body
		if a == nil {
			a = new(A)
		}
		w(a, nil)
	case *waiter[A]:
		a := r.Body
		r.Body = nil // it is the caller's
		if a == nil {
			a = new(A)
		}
		w.end(a, nil)
	}
	return nil
}
