package sim

import (
	"context"
	"errors"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/internal/simtest"
	"github.com/packetmq/packetmq/peer"
)

// opened is a call of HandleLater that may be answered.
type opened struct {
	tag   uint64
	do    deed
	by    *party
	c     *call.Context
	a     call.Answer[result]
	times int
}

// handle has a party handle all calls, behind middleware.
func (p *party) handle() {
	p.base.Use(p.refuses)
	call.Handle(p.base, p.w.now, p.atOnce)
	call.Handle(p.base, p.w.reused, p.atOnce)
	call.HandleLater(p.base, p.w.slow, p.later)
}

// refuses is a middleware that does what the tasks for it say.
func (p *party) refuses(next peer.Next) peer.Next {
	return func(in *peer.Incoming) error {
		v, err := in.Value()
		if err != nil {
			return err
		}
		if r, ok := v.(*call.Request[task]); ok {
			switch r.Body.Do {
			case refuse:
				return no
			case swallow:
				return nil
			}
		}
		return next(in)
	}
}

// came looks whether a request may come.
func (p *party) came(c *call.Context, q *task) {
	m := p.w.byTag[q.Tag]
	switch {
	case m == nil || m.do != q.Do:
		p.w.Fail("call %d to do %d was never made", q.Tag, q.Do)
		return
	case m.conn.Peer() == p.base:
		p.w.Fail("call %d came back to its caller", q.Tag)
	case q.Do == refuse || q.Do == swallow:
		p.w.Fail("call %d came past a middleware", q.Tag)
	}
	if m.handled++; m.handled > 1 {
		p.w.Fail("call %d was handled %d times", q.Tag, m.handled)
	}
	if c.Conn().Peer() != p.base || c.Err() != nil && c.Err() != context.DeadlineExceeded {
		p.w.Fail("call %d came on %v with %v", q.Tag, c.Conn(), c.Err())
	}
	p.w.Note("party %d handles %d", p.no, q.Tag)
}

func (p *party) result(tag uint64) *result {
	if p.w.sabotage == wrongAnswer && p.w.Chance(10) {
		tag++
	}
	return &result{tag, p.no}
}

// atOnce is the handler of Handle.
func (p *party) atOnce(c *call.Context, q *task) (*result, error) {
	p.came(c, q)
	switch q.Do {
	case fail:
		return nil, no
	case crash:
		panic("on purpose")
	}
	return p.result(q.Tag), nil
}

// later is the handler of HandleLater.
func (p *party) later(c *call.Context, q *task, a call.Answer[result]) {
	p.came(c, q)
	switch q.Do {
	case answer:
		if err := a.Send(p.result(q.Tag)); err != nil && c.Conn().State() == peer.Active && !errors.Is(err, peer.ErrBackpressure) {
			p.w.Fail("call %d could not be answered: %v", q.Tag, err)
		}
	case fail:
		a.Fail(no)
	case crash:
		panic("on purpose")
	}
	p.w.open = append(p.w.open, &opened{q.Tag, q.Do, p, c, a, 0})
}

// answerOne answers a call that waits for it, perhaps one that has ended.
func (w *world) answerOne() {
	for range 4 {
		if len(w.open) == 0 {
			return
		}
		o := simtest.Pick(w.World, w.open)
		if o.do != later && o.do != twice || o.times > 0 {
			continue
		}
		o.times++
		before := o.c.Err()
		err := o.a.Send(o.by.result(o.tag))
		w.Note("answer %d: %v", o.tag, err)
		if err == nil && before == context.Canceled {
			w.Fail("call %d was answered after its end", o.tag)
		}
		if o.do == twice {
			if again := o.a.Send(o.by.result(o.tag)); again == nil {
				w.Fail("call %d was answered twice", o.tag)
			}
		}
		return
	}
}
