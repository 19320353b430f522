package engine

// What a loop is asked for: functions to call, conns to look at, a timer that is due;
// and how the loop is woken for it.

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/packetmq/packetmq/internal/ringbuf"
)

// inbox has what other goroutines, and the loop's own callbacks, ask of a loop.
type inbox struct {
	// callbacks is odd while a callback is under way, which looks at news when it ends.
	// news is set while there may be something in the fields below. Who asks sets news
	// and then reads callbacks; the loop ends the callback and then reads news. One of
	// the two sees the other, so the loop needs no lock after a callback that nobody
	// asked anything. The watchdog reads callbacks too.
	callbacks atomic.Uint64
	news      atomic.Bool

	// Guarded by mu.
	mu       sync.Mutex
	wake     func() // has the driver begin a turn, soon; nil while there is no driver
	waking   bool   // wake was called and the turn has not begun
	shut     bool   // nothing is taken in any more
	timerDue bool   // a timer is due, or the loop is to look at the reactor's state
	tasks    ringbuf.Ring[task]
	requests []*Conn // conns with something in Conn.requests

	// Loop only.
	taken     []task  // of this turn
	begun     int     // how many of taken were begun
	answering []*Conn // requests, while they are gone through
	spare     []*Conn // requests, the other one of two slices
}

// task is a posted function, or a conn that was attached.
type task struct {
	fn      func()
	dropped func() // is called in place of fn when the loop closes; nil: nothing is
	c       *Conn
}

// post adds a task.
func (b *inbox) post(t task) error {
	b.mu.Lock()
	if b.shut {
		b.mu.Unlock()
		return ErrClosed
	}
	b.tasks.Push(t)
	b.unlockWithNews()
	return nil
}

// request has the loop call c.answer.
func (b *inbox) request(c *Conn) {
	b.mu.Lock()
	if b.shut {
		b.mu.Unlock()
		return
	}
	b.requests = append(b.requests, c)
	b.unlockWithNews()
}

// poke has the loop take a turn, to look at its timers and at the reactor's state.
func (b *inbox) poke() {
	b.mu.Lock()
	b.timerDue = true
	b.unlockWithNews()
}

// noteTimer is poke in a callback of the loop, whose end wakes it.
func (b *inbox) noteTimer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timerDue = true
	b.news.Store(true)
}

// unlockWithNews says that something was added. It wakes the loop unless a callback is
// under way, which will see it. It unlocks mu.
func (b *inbox) unlockWithNews() {
	b.news.Store(true)
	b.unlockAndWake(b.callbacks.Load()%2 == 0)
}

// unlockAndWake wakes the loop if that is wanted, and at most once until the turn. It
// reports whether a turn is on its way. It unlocks mu.
func (b *inbox) unlockAndWake(wanted bool) (coming bool) {
	call := wanted && !b.waking && b.wake != nil
	if call {
		b.waking = true
	}
	coming, wake := b.waking, b.wake
	b.mu.Unlock()
	if call {
		wake()
	}
	return coming
}

// isWaking reports whether a turn is on its way.
func (b *inbox) isWaking() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waking
}

// wakeAfterRound has the loop take a turn after the sockets that are ready now. It
// reports whether one is on its way. On the loop only.
func (b *inbox) wakeAfterRound() (coming bool) {
	b.mu.Lock()
	return b.unlockAndWake(true)
}

// setWake gives the loop what wakes it, or takes it away. What was asked before wakes
// the loop once the reactor runs.
func (b *inbox) setWake(wake func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wake, b.waking = wake, false
}

// beginCallback and endCallback are around every callback. On the loop only.
func (b *inbox) beginCallback() { b.callbacks.Store(b.callbacks.Load() + 1) }

func (b *inbox) endCallback() { b.callbacks.Store(b.callbacks.Load() + 1) }

// inCallback reports whether a callback is under way. Any goroutine may call it.
func (b *inbox) inCallback() bool { return b.callbacks.Load()%2 != 0 }

// wakeIfAsked wakes the loop after a callback if there is something in the inbox, or if
// more is true. On the loop only.
func (b *inbox) wakeIfAsked(more bool) {
	if !more && !b.news.Load() && len(b.taken) == 0 {
		return
	}
	b.mu.Lock()
	b.unlockAndWake(b.refreshNews() || len(b.taken) > 0 || more)
}

// refreshNews brings news up to date and returns it. mu is held.
func (b *inbox) refreshNews() bool {
	asked := b.timerDue || b.tasks.Len() > 0 || len(b.requests) > 0
	b.news.Store(asked)
	return asked
}

// hasNews is refreshNews without mu held.
func (b *inbox) hasNews() bool {
	if !b.news.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refreshNews()
}

// isEmpty reports whether there are neither tasks nor requests.
func (b *inbox) isEmpty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.taken) == 0 && b.tasks.Len() == 0 && len(b.requests) == 0
}

// posted is how many tasks wait. On the loop only.
func (b *inbox) posted() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tasks.Len() + len(b.taken) - b.begun
}

// beginTurn takes the tasks of a turn out, unless some are left of the last turn, which
// a Goexit or a Stop ended. It reports whether a timer is due.
func (b *inbox) beginTurn() (timerDue bool) {
	if cap(b.taken) == 0 {
		b.taken = make([]task, 0, maxTasks)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waking = false
	timerDue, b.timerDue = b.timerDue, false
	if len(b.taken) == 0 {
		b.taken = b.taken[:b.tasks.PopInto(b.taken[:maxTasks])]
	}
	return timerDue
}

// nextTask takes out the next task of the turn. When ok is false there is none.
func (b *inbox) nextTask() (t task, ok bool) {
	if len(b.taken) == 0 {
		return task{}, false
	}
	t, b.taken[b.begun] = b.taken[b.begun], task{}
	if b.begun++; b.begun == len(b.taken) {
		b.taken, b.begun = b.taken[:0], 0
	}
	return t, true
}

// answerRequests has the conns answer what other goroutines asked of them.
func (b *inbox) answerRequests() {
	if !b.news.Load() {
		return
	}
	b.mu.Lock()
	requests := b.requests
	if len(requests) == 0 {
		b.mu.Unlock()
		return
	}
	b.requests = b.spare[:0]
	b.mu.Unlock()
	b.answering = requests
	for i, c := range requests {
		requests[i] = nil // once, even if the callback calls Goexit
		c.answer()
	}
	b.answering = nil
	b.spare = requests[:0]
}

// afterGoexit puts back what a callback that called Goexit has not answered, and sees
// to it that there is another turn.
func (b *inbox) afterGoexit() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timerDue = true
	b.news.Store(true)
	if len(b.answering) > 0 {
		rest := slices.DeleteFunc(b.answering, func(c *Conn) bool { return c == nil })
		b.requests = append(rest, b.requests...)
		b.answering, b.spare = nil, nil
	}
}

// close takes nothing in any more, and calls drop for each task that is left. A task
// that drop posts is dropped as well.
func (b *inbox) close(drop func(task)) {
	for t, ok := b.nextTask(); ok; t, ok = b.nextTask() {
		drop(t)
	}
	b.taken = nil
	for {
		b.mu.Lock()
		t, ok := b.tasks.Pop()
		if !ok {
			b.shut, b.requests = true, nil
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		drop(t)
	}
}
