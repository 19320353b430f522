package engine

// Senders that wait for room. Each waits on a channel of its own, in the order in which
// they came. Whoever makes room queues the messages of those that have waited longest. So
// nobody is woken without need, and none overtakes another.

import (
	"container/list"
	"context"
	"sync/atomic"
)

// waiters are the senders that wait on one conn. They are under its mu.
type waiters struct {
	list list.List   // of *waiter
	some atomic.Bool // list is not empty; may be read without mu
	shut bool        // nobody waits any more
}

// waiter is a sender that waits.
type waiter struct {
	message []byte     // the sender's, which leaves it alone meanwhile
	done    chan error // gets the outcome, once
}

// QueueWait is Queue for a sender that would rather wait than be refused. It waits until
// the message has room within Config.SoftPending, or until nothing else waits: a healthy
// conn is never ended for what is sent so. It returns when the message is queued, when
// ctx is done, or when the conn ends or EndWaits is called. With an error nothing was
// queued. Messages are queued in the order of the calls; Queue does not wait for them.
// ErrOnLoop means that it was called on a loop of the reactor, which it would block.
func (c *Conn) QueueWait(ctx context.Context, b []byte) error {
	switch {
	case c.loop == nil:
		return ErrClosed
	case ctx == nil:
		return errNilContext
	case c.loop.r.OnLoop():
		return ErrOnLoop
	case len(b) > c.loop.r.cfg.MaxPending:
		return &SizeError{len(b), c.loop.r.cfg.MaxPending}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	w, at, err := c.queueOrWait(b)
	if w == nil {
		return err
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	if c.cancelWait(w, at) {
		return ctx.Err()
	}
	return <-w.done // it was queued meanwhile, or the conn has ended
}

// queueOrWait queues b if it has room, or returns a waiter for it.
func (c *Conn) queueOrWait(b []byte) (w *waiter, at *list.Element, err error) {
	ws := &c.needSlow().waiters
	c.mu.Lock()
	switch {
	case c.shut || ws.shut:
		err = ErrClosed
	case ws.list.Len() == 0 && c.hasRoomFor(len(b)):
		c.appendQueued(b, nil)
		c.unlockAndFlush()
		return nil, nil, nil
	default:
		w = &waiter{b, make(chan error, 1)}
		at = ws.list.PushBack(w)
		ws.some.Store(true)
	}
	c.mu.Unlock()
	return w, at, err
}

// cancelWait takes w out of the list. It reports whether w was in it.
func (c *Conn) cancelWait(w *waiter, at *list.Element) bool {
	ws := &c.needSlow().waiters
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(w.done) > 0 {
		return false
	}
	ws.list.Remove(at)
	ws.some.Store(ws.list.Len() > 0)
	return true
}

// hasRoomFor reports whether a waiter's n bytes have room. c.mu is held.
func (c *Conn) hasRoomFor(n int) bool {
	waiting := int(c.loopBytes.Load()) + c.queued.size()
	return waiting == 0 || waiting+n <= c.loop.r.cfg.SoftPending && c.loop.r.checkRoom(waiting, n) == nil
}

// admitWaiters queues the messages of the waiters, as far as there is room. A waiter that
// has no room waits for other output, and when that leaves, admitWaiters is called again.
func (c *Conn) admitWaiters() {
	s := c.slow.Load()
	if s == nil || !s.waiters.some.Load() {
		return
	}
	ws := &s.waiters
	c.mu.Lock()
	queued := false
	for at := ws.list.Front(); at != nil && !c.shut; at = ws.list.Front() {
		w := at.Value.(*waiter)
		if !c.hasRoomFor(len(w.message)) {
			break
		}
		c.appendQueued(w.message, nil)
		ws.list.Remove(at)
		w.done <- nil
		queued = true
	}
	ws.some.Store(ws.list.Len() > 0)
	if queued {
		c.unlockAndFlush()
		return
	}
	c.mu.Unlock()
}

// EndWaits ends all QueueWait under way, and those to come, with ErrClosed: what they
// would queue is not to follow what was. Any goroutine may call it.
func (c *Conn) EndWaits() {
	s := c.needSlow()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.waiters.end()
}

// endWaits is EndWaits for a conn that ends. c.mu is held.
func (c *Conn) endWaits() {
	if s := c.slow.Load(); s != nil {
		s.waiters.end()
	}
}

// end tells all that wait. mu is held.
func (ws *waiters) end() {
	ws.shut = true
	for at := ws.list.Front(); at != nil; at = ws.list.Front() {
		ws.list.Remove(at)
		at.Value.(*waiter).done <- ErrClosed
	}
	ws.some.Store(false)
}
