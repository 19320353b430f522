package call

// The side that handles a call: the way of a request through middleware to the program's
// function, and the answer to whatever comes of it.

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// server handles the requests of one call at one peer.
type server[Q, A any] struct {
	def   *definition[Q, A]
	host  *host
	lanes []lane[A] // by loop

	run   func(s *server[Q, A], c *peer.Conn, ln *lane[A], r *Request[Q], q *Q) error
	fn    func(c *Context, q *Q) (*A, error)  // of Handle
	later func(c *Context, q *Q, a Answer[A]) // of HandleLater
}

// lane is what one loop uses for one request after the other.
type lane[A any] struct {
	now      request
	spare    *Context     // for the next Handle; nil: make one
	response *Response[A] // for the next answer; nil: make one
	_        [64]byte     // loops do not share cache lines
}

// request is a request that is being handled.
type request struct {
	id      uint64
	stage   stage
	context *Context   // of Handle
	later   *laterCall // stage accepted
}

// stage is how far a request has come.
type stage uint8

const (
	stopped  stage = iota // it has not come to its handler
	reached               // the handler runs, or has failed
	answered              // the handler's answer was sent
	accepted              // a HandleLater has it
)

// serve registers s for its requests.
func (s *server[Q, A]) serve(h peer.Host, opts []peer.HandleOption) {
	p := mustPeer(h)
	if s.def.answer.In(p.Registry()) == nil && s.def.request.In(p.Registry()) != nil {
		panic("call: the answer to " + s.name() + " is not in the peer's registry")
	}
	s.host = hostOf(p)
	s.lanes = make([]lane[A], len(p.Reactor().Loops()))
	opts = append(opts[:len(opts):len(opts)], peer.Around(s.around))
	peer.Handle(h, s.def.request, s.handle, opts...)
}

// around is the outermost middleware: it answers with what comes back from the others.
func (s *server[Q, A]) around(next peer.Next) peer.Next {
	return func(in *peer.Incoming) error {
		if payload := in.Payload(); mayCancel(payload) {
			if n, id, err := head(payload); n == 1 {
				return s.withdraw(in.Conn(), id, err)
			}
		}
		ln := &s.lanes[in.Conn().Loop().Index()]
		outer := ln.now // of a packet that the program handles in the midst of another, by Conn.PacketIn
		ln.now = request{}
		err := ln.guarded(next, in)
		now := ln.now
		ln.now = outer
		if now.context != nil {
			if now.context.ended != nil {
				now.context.traced(err)
			}
			if now.context.release() {
				ln.spare = now.context
			}
		}
		if err == nil && now.stage >= answered {
			return nil
		}
		return s.failed(in, now, err)
	}
}

// guarded calls next. A panic is an error: it fails the call, and not the conn. A Goexit ends
// the conn, and the handler's context here: nothing after next runs.
func (ln *lane[A]) guarded(next peer.Next, in *peer.Incoming) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			err = panicError(v)
		} else if ctx := ln.now.context; ctx != nil {
			ctx.finish(context.Canceled, engine.ErrGoexit)
			ctx.traced(engine.ErrGoexit)
		}
	}()
	err = next(in)
	returned = true
	return err
}

// panicError is a panic with v as an error, or a Goexit if v is nil.
func panicError(v any) error {
	if v == nil {
		return engine.ErrGoexit
	}
	return &engine.PanicError{Value: v, Stack: debug.Stack()}
}

// withdraw handles [id], with which the caller cancels its call.
func (s *server[Q, A]) withdraw(c *peer.Conn, id uint64, err error) error {
	if err != nil {
		return s.malformed(err)
	}
	if calls, ok := connSlot.Get(c); ok {
		calls.withdraw(id)
	}
	return nil
}

func (s *server[Q, A]) malformed(err error) error {
	s.host.stats.malformedPacket.Add(1)
	return malformed(s.def.request.Name(), err)
}

// handle is the innermost: it calls the program's function.
func (s *server[Q, A]) handle(c *peer.Conn, r *Request[Q]) error {
	r.keep = s.def.reuse
	if r.ID == 0 {
		return malformed(s.name(), ErrNoID)
	}
	ln := &s.lanes[c.Loop().Index()]
	ln.now.id, ln.now.stage = r.ID, reached
	body := r.Body
	if body == nil {
		body = new(Q)
	}
	return s.run(s, c, ln, r, body)
}

func (s *server[Q, A]) name() string { return s.def.request.Name() }

// failed answers a request that came to no answer because of err, which is that of the
// handler or of a middleware. What it returns ends the conn.
func (s *server[Q, A]) failed(in *peer.Incoming, now request, err error) error {
	c := in.Conn()
	var payload *peer.PayloadError
	switch {
	case isReason(err):
		return err
	case now.stage == stopped && errors.As(err, &payload):
		s.host.stats.malformedPacket.Add(1)
		return err
	case now.stage == answered:
		s.log(c, "a middleware failed after the answer", err)
		return nil
	case isDrop(err): // a middleware has swallowed the error, or the request
		err = ErrStopped
	}
	id := now.id
	if now.stage == stopped {
		if id, err = s.idOf(in, err); id == 0 {
			return err
		}
	}
	var r *reply
	if errors.As(err, &r) {
		if a, ok := answerOf[A](r.v); ok {
			return s.answer(c, now, id, a)
		}
	}
	return s.fail(c, now, id, err)
}

// idOf is the id of a request that a middleware has stopped.
func (s *server[Q, A]) idOf(in *peer.Incoming, err error) (uint64, error) {
	if in.Payload() == nil { // the program made the packet
		if v, _ := in.Value(); v != nil {
			if r, ok := v.(*Request[Q]); ok && r.ID != 0 {
				return r.ID, err
			}
		}
		return 0, s.malformed(ErrNoID)
	}
	n, id, headErr := head(in.Payload())
	if headErr == nil && n != 3 {
		headErr = codec.ErrKind
	}
	if headErr != nil {
		return 0, s.malformed(headErr)
	}
	return id, err
}

// counted counts a request that comes to its handler.
func (s *server[Q, A]) counted(c *peer.Conn) { s.host.stats.handled[c.Loop().Index()].n.Add(1) }

// answer answers a request with a.
func (s *server[Q, A]) answer(c *peer.Conn, now request, id uint64, a *A) error {
	if now.later != nil {
		if now.later.answering(nil) != nil {
			return nil // the handler, or something that it began, was first
		}
	}
	if err := s.reply(c, &s.lanes[c.Loop().Index()], id, a); err != nil {
		return s.fail(c, request{}, id, err)
	}
	return nil
}

// reply sends an answer from the loop.
func (s *server[Q, A]) reply(c *peer.Conn, ln *lane[A], id uint64, a *A) error {
	r := ln.response
	if r == nil {
		r = new(Response[A])
	}
	ln.response = nil // hooks see r, and may have another request answered
	r.ID, r.Body = id, a
	err := peer.Reply(c, s.def.answer, r)
	r.Body = nil
	ln.response = r
	return err
}

// fail answers a request with an error.
func (s *server[Q, A]) fail(c *peer.Conn, now request, id uint64, err error) error {
	if now.later != nil {
		if now.later.answering(err) != nil {
			s.log(c, "a handler failed after the answer", err)
			return nil
		}
	}
	failure := s.host.failureOf(c, s.name(), err)
	if err := sendFailure(failure, func(f *Failure) error {
		return peer.Reply(c, s.def.answer, &Response[A]{ID: id, Error: f})
	}); err != nil {
		s.log(c, "a call could not be answered", err)
	}
	return nil
}

func (s *server[Q, A]) log(c *peer.Conn, msg string, err error) {
	s.host.peer.Log(slog.LevelWarn, msg, "call", s.name(), "conn", c.ID(), "err", err)
}

// isDrop reports whether a middleware drops a packet without a word for others.
func isDrop(err error) bool {
	var public Public
	return err == nil || errors.Is(err, peer.ErrDrop) && !errors.As(err, &public)
}

// isReason reports whether an error is to end the conn that a call came on. One that tells how
// another conn has ended has a Reason in it too.
func isReason(err error) bool {
	var (
		r     peer.Reason
		other *lostError
		fault *peer.Fault
	)
	return errors.As(err, &r) && !errors.As(err, &other) && !errors.As(err, &fault)
}
