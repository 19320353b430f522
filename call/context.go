package call

// Context: the context of a call at the side that handles it.

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// Context is a call at the side that handles it. It is a context.Context, which is done when
// the caller's time is over, when the caller has cancelled the call or its conn is lost, and
// when the call was answered. All of its methods may be called from any goroutine.
//
// That of Handle is valid until the handler returns, unless Done was called: then it stays,
// and is done. Its time counts from its first use, so a handler that takes long should use it
// first.
type Context struct {
	conn *peer.Conn // set once, or for the next call
	id   uint64
	left time.Duration // when the request came

	waited atomic.Bool     // Done was called
	values context.Context // of the Tracer; nil: there are none

	mu sync.Mutex

	// Guarded by mu.
	until time.Duration // the deadline, on the loop's clock; 0: not asked for yet
	wall  time.Time     // the same as the system has it; zero: not asked for yet
	err   error         // nil: not done
	cause error
	done  chan struct{} // nil: not asked for yet
	timer *engine.Timer // that closes done; nil: the conn's alarm does
	clock *time.Timer   // does so while the loop is held up by the handler; nil as timer is
	timed bool          // the conn's alarm ends the call
	ended func(error)   // of the Tracer, which was not told yet; nil: there is none
}

var _ context.Context = (*Context)(nil)

// Conn is the conn that the call came on, and that can be called back.
func (c *Context) Conn() *peer.Conn { return c.conn }

// ID is the caller's number for the call, unique on its conn.
func (c *Context) ID() uint64 { return c.id }

// Deadline is when the caller's time is over. ok is always true.
func (c *Context) Deadline() (deadline time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wall.IsZero() {
		c.wall = time.Now().Add(c.deadline() - c.conn.Loop().Time())
	}
	return c.wall, true
}

// deadline is the deadline on the loop's clock. c.mu is held. A handler of Handle runs when
// the request comes, so the clock need not be read before somebody asks.
func (c *Context) deadline() time.Duration {
	if c.until == 0 {
		c.until = after(c.conn.Loop().Time(), c.left)
	}
	return c.until
}

// Done returns a channel that is closed when the call is done.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		return c.done
	}
	c.waited.Store(true)
	c.done = make(chan struct{})
	switch {
	case c.err != nil:
		close(c.done)
	case !c.timed:
		loop := c.conn.Loop()
		left := c.deadline() - loop.Time()
		c.timer = loop.After(left, func() { c.finish(context.DeadlineExceeded, ErrTimeout) })
		c.clock = time.AfterFunc(left, func() { c.Err() }) // which asks the loop's clock
	}
	return c.done
}

// Err is nil while the call is not done, context.DeadlineExceeded when its time was over,
// and else context.Canceled.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.deadline() <= c.conn.Loop().Time() {
		c.finishHeld(context.DeadlineExceeded, ErrTimeout)
	}
	return c.err
}

// Cause is Err with the reason: what wraps OnLost's if the conn was lost, ErrAnswered after
// an answer.
func (c *Context) Cause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Value returns what Config.Tracer has put into the context. A call carries no other values:
// what belongs to a conn is in Conn.Data.
func (c *Context) Value(key any) any {
	if c.values == nil {
		return nil
	}
	return c.values.Value(key)
}

// finish has the context done, unless it is.
func (c *Context) finish(err, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finishHeld(err, cause)
}

// finishHeld is finish with mu held.
func (c *Context) finishHeld(err, cause error) {
	if c.err != nil {
		return
	}
	c.err, c.cause = err, cause
	if c.done != nil {
		close(c.done)
	}
	if c.timer != nil {
		c.timer.Stop()
		c.clock.Stop()
		c.timer, c.clock = nil, nil
	}
}

// release ends the use of a context by a handler that has returned. It reports whether the
// context can be used for the next call: nobody waits for it.
func (c *Context) release() bool {
	if c.waited.Load() {
		c.finish(context.Canceled, ErrAnswered)
		return false
	}
	c.err, c.cause = context.Canceled, ErrAnswered // for who has kept it nevertheless
	return true
}

// begin begins the use of a context by a handler of Handle.
func (c *Context) begin(conn *peer.Conn, id uint64, left time.Duration) {
	c.conn, c.id, c.left, c.until, c.err, c.cause = conn, id, left, 0, nil, nil
	if c.values != nil {
		c.values = nil
	}
	if !c.wall.IsZero() {
		c.wall = time.Time{}
	}
}
