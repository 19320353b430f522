package call

// HandleLater: a call that is answered when its handler says so, from any goroutine.

import (
	"context"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// errWithdrawn is what a call has come to that its caller has cancelled.
var errWithdrawn = fmt.Errorf("call: cancelled by the caller: %w", context.Canceled)

// HandleLater is Handle for what takes longer than a loop should be held up: fn is called on
// the conn's loop, and the call is answered by a, once, from any goroutine, then or later.
// The context ends before that if nobody waits any more.
//
// A call that nobody answers ends with ErrTimeout at the caller, and is counted here as
// Stats.Expired. More than Config.UnderWay calls of a conn are answered with ErrTooMany. A panic
// in fn fails the call if it was not answered yet.
//
// The *Q is fn's to keep, unless the call was defined with registry.Reuse: then it is valid
// until fn returns.
func HandleLater[Q, A any](h peer.Host, call Call[Q, A], fn func(c *Context, q *Q, a Answer[A]), opts ...peer.HandleOption) {
	mustHandle("HandleLater", call.def == nil, fn == nil)
	s := &server[Q, A]{def: call.def, later: fn, run: (*server[Q, A]).runLater}
	s.serve(h, opts)
}

// laterCall is a call that is under way at the side that handles it.
type laterCall struct {
	Context
	calls *connCalls
	over  error // why it cannot be answered any more; nil: it can. Guarded by calls.mu
}

// later is a laterCall with what answers it.
type later[A any] struct {
	laterCall
	packet   registry.Packet[Response[A]]
	name     string
	response Response[A]
}

func (s *server[Q, A]) runLater(c *peer.Conn, ln *lane[A], r *Request[Q], q *Q) error {
	l := &later[A]{packet: s.def.answer, name: s.name()}
	l.conn, l.id, l.left, l.timed = c, r.ID, s.host.timeLeft(r.MS), true
	l.until = after(c.Loop().Time(), l.left)
	l.calls = callsOf(c)
	if err := l.calls.accept(&l.laterCall); err == ErrRepeatedID {
		ln.now.stage = stopped // it ends the conn
		return malformed(s.name(), err)
	} else if err != nil {
		return err
	}
	s.counted(c)
	ln.now.stage, ln.now.later = accepted, &l.laterCall
	if t := s.host.config.Load().Tracer; t != nil {
		s.host.handling(&l.Context, t, s.name())
	}
	s.later(&l.Context, q, Answer[A]{l})
	return nil
}

// accept takes in a call that the other side has made.
func (s *connCalls) accept(l *laterCall) error {
	most := s.host.config.Load().UnderWay
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lost != nil:
		return s.lost
	case s.open[l.id] != nil:
		return ErrRepeatedID
	case len(s.open) >= most:
		return ErrTooMany
	case s.open == nil:
		s.open = make(map[uint64]*laterCall)
	}
	s.open[l.id] = l
	s.setAlarm(l.until)
	return nil
}

// closeOpen ends a call that the other side has made, as over. It returns why the call had
// ended before, or nil.
func (s *connCalls) closeOpen(l *laterCall, over error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.over != nil {
		return l.over
	}
	l.over = over
	delete(s.open, l.id)
	return nil
}

// answering claims a call for an answer, which is with is, or nil. The error says why there can
// be none.
func (l *laterCall) answering(is error) error {
	if err := l.calls.closeOpen(l, ErrAnswered); err != nil {
		return err
	}
	l.finish(context.Canceled, ErrAnswered)
	l.traced(is)
	return nil
}

// end ends a call that was not answered.
func (l *laterCall) end(err, cause error) {
	l.finish(err, cause)
	l.traced(cause)
}

// withdraw ends a call that its caller has cancelled. It may have ended already.
func (s *connCalls) withdraw(id uint64) {
	s.mu.Lock()
	l := s.open[id]
	s.mu.Unlock()
	if l != nil && s.closeOpen(l, errWithdrawn) == nil {
		s.host.stats.withdrawn.Add(1)
		l.end(context.Canceled, errWithdrawn)
	}
}

// takeExpired ends the calls of the other side whose deadline is not after now. The next
// deadline of those that are left is never if there are none. s.mu is held.
func (s *connCalls) takeExpired(expired []*laterCall, now time.Duration) (_ []*laterCall, next time.Duration) {
	next = never
	for id, l := range s.open {
		if l.until > now {
			next = min(next, l.until)
			continue
		}
		l.over = ErrTimeout
		delete(s.open, id)
		expired = append(expired, l)
	}
	return expired, next
}
