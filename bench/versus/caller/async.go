package caller

// Loads of calls that wait on no goroutine: the answer calls a function on the conn's
// event loop, which makes the next call there.

import (
	"context"
	"sync"
)

// Async is a conn whose calls do not wait for their answers.
type Async interface {
	// Go asks, and calls done exactly once: with the answer, which is done's while it
	// runs, or with why there is none. It is called on the conn's loop, and calls done
	// there, perhaps before it returns. It keeps ask no longer than it runs.
	Go(ask *Value, done func(answer *Value, err error))

	// Post has f called on the conn's loop. An error says that it never will be.
	Post(f func()) error

	// Close ends the calls under way. It may be called more than once.
	Close() error
}

// AsyncCalls is TypedCalls for conns whose calls do not wait.
func AsyncCalls(ctx context.Context, cfg Config, dial func(context.Context) (Async, error)) (Result, error) {
	return load(ctx, cfg, dial, func(r *round, c *count, conn Async) worker {
		return func(due <-chan int64, again func(bool)) {
			a := &asyncCalls{round: r, count: c, conn: conn, due: due, again: again}
			a.run()
		}
	})
}

// asyncCalls are the calls of one conn in one round.
type asyncCalls struct {
	round *round
	count *count
	conn  Async
	due   <-chan int64
	again func(broken bool)
	ended sync.WaitGroup // has one for each call under way

	// For the conn's loop only.
	seq    uint64
	unused []*asyncCall
	next   bool // a call that ends takes the next that is due
}

// asyncCall is one call under way. It is used again, so that a load allocates nothing.
type asyncCall struct {
	ask  Value
	at   int64
	done func(answer *Value, err error)
}

// run makes calls until due is closed and all of them have ended. If each conn has its
// own number of calls under way, run begins with that many, and each that ends makes the
// next, on the loop. In other loads run makes all of them.
func (a *asyncCalls) run() {
	defer a.ended.Wait()
	first := a.round.cfg.Depth
	a.next = a.round.cfg.Rate == 0 && a.round.cfg.Inflight == 0
	for n := 0; !a.next || n < first; n++ {
		at, ok := <-a.due
		if !ok {
			return
		}
		a.ended.Add(1)
		if err := a.conn.Post(func() { a.call(at) }); err != nil {
			a.count.took(at, a.round.now(), err)
			a.again(true)
			a.ended.Done()
		}
	}
}

// call makes the call that was due at a time. It is on the loop, as all that follows.
func (a *asyncCalls) call(at int64) {
	c := a.take()
	a.seq++
	c.at = at
	c.ask = Value{a.seq, uint64(at), a.round.payloads.body(a.seq)}
	a.conn.Go(&c.ask, c.done)
}

func (a *asyncCalls) take() *asyncCall {
	if n := len(a.unused); n > 0 {
		c := a.unused[n-1]
		a.unused = a.unused[:n-1]
		return c
	}
	c := new(asyncCall)
	c.done = func(answer *Value, err error) { a.end(c, answer, err) }
	return c
}

func (a *asyncCalls) end(c *asyncCall, answer *Value, err error) {
	defer a.ended.Done()
	broken := err != nil
	if !broken {
		err = answer.check(&c.ask)
	}
	a.count.took(c.at, a.round.now(), err)
	a.unused = append(a.unused, c)
	a.again(broken)
	if !a.next {
		return
	}
	select {
	case at, ok := <-a.due:
		if ok {
			a.ended.Add(1)
			a.call(at)
		}
	default:
	}
}
