package peer

// A conn's work on other goroutines, one piece after the other. The conn is paused while too
// much of it waits.

import (
	"sync"

	"github.com/packetmq/packetmq/engine"
)

// OffloadInOrder has work done on a worker goroutine, when all work given to it for c before
// has ended, and then calls done with the result on the conn's loop, in the same order: the
// way for a handler to ask a database when the next packet may not overtake this one. The
// conn is not read while more than Config.WorkInOrder pieces have no result yet, as if by
// PauseRead; ResumeRead does not change that.
//
// What has not begun when the conn is lost is dropped, before OnLost is called, and counted
// in Stats.Undone. For each piece that has begun done is called, though it may be after
// OnLost; then what it sends is refused. What OnLost itself offloads is done, as the last of
// all. A panic in work arrives at done as an engine.PanicError. One in done ends the conn.
//
// Any goroutine may call it; it never blocks. With an error, neither function will be
// called: engine.ErrBusy means that sixteen times Config.WorkInOrder have no result, or that
// too many calls wait for a worker; ErrNotActive that the conn was lost.
func OffloadInOrder[T any](c *Conn, work func() (T, error), done func(T, error)) error {
	if err := c.check(); err != nil {
		return err
	}
	if work == nil || done == nil {
		return errNilWork
	}
	w, err := c.beginWork()
	if err != nil {
		return err
	}
	err = engine.OffloadInOrder(c.link.Loop(), &w.queue, work, func(v T, err error) {
		w.ended(c, 1)
		c.callProgram(func() { done(v, err) })
	})
	if err != nil {
		w.ended(c, 1)
	}
	return err
}

// orderedWork is what OffloadInOrder has to do for a conn.
type orderedWork struct {
	queue engine.WorkQueue

	mu sync.Mutex
	n  int // pieces without a result; guarded by mu
}

// beginWork counts a piece, and pauses the conn if it is one too many.
func (c *Conn) beginWork() (*orderedWork, error) {
	if c.link.Loop() == nil || c.marked(workOver) {
		return nil, ErrNotActive
	}
	rare := c.makeRare()
	w := rare.work.Load()
	if w == nil {
		rare.work.CompareAndSwap(nil, new(orderedWork))
		w = rare.work.Load()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	most := c.peer.cfg.WorkInOrder
	if w.n >= maxWork*most {
		return nil, engine.ErrBusy
	}
	if w.n++; w.n > most && !c.marked(pausedByWork) {
		c.pauseFor(pausedByWork)
	}
	return w, nil
}

// ended counts pieces that have a result or will have none, and has the conn read again if
// few are left.
func (w *orderedWork) ended(c *Conn, pieces int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n -= pieces; w.n <= c.peer.cfg.WorkInOrder/2 && c.marked(pausedByWork) {
		c.resumeFor(pausedByWork)
	}
}

// dropWork drops what has not begun, at the end of the conversation.
func (c *Conn) dropWork() {
	rare := c.rare.Load()
	if rare == nil {
		return
	}
	if w := rare.work.Load(); w != nil {
		if n := w.queue.Drop(); n > 0 {
			c.peer.stats.undone(n)
			w.ended(c, n)
		}
	}
}
