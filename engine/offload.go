package engine

// Work on other goroutines, whose result comes back to the loop.

import (
	"sync"

	"github.com/packetmq/packetmq/internal/guard"
	"github.com/packetmq/packetmq/internal/ringbuf"
)

// Offload calls work on a worker goroutine, and then done with what it returned
// on the loop: the way for a callback to wait for a disk, a database or a
// computation without holding the loop up. A panic in work arrives at done as a
// PanicError. If the reactor closes meanwhile, done is not called, and nor is work
// if it has not begun.
//
// Any goroutine may call it; it never blocks. ErrBusy means that too many calls
// wait, ErrClosed that the reactor has closed; neither function will be called then.
func Offload[T any](l *Loop, work func() (T, error), done func(T, error)) error {
	if err := nonNil("loop", l, "work", work, "function for the result", done); err != nil {
		return err
	}
	done, kept := toldOffload(l, done)
	if kept {
		return nil
	}
	return l.r.work.start(offloaded(l, work, done))
}

// toldOffload numbers a call of Offload on a reactor with a Tap, and returns done so that
// this is told the result. On one that replays it keeps done.
func toldOffload[T any](l *Loop, done func(T, error)) (told func(T, error), kept bool) {
	if l.tap == nil && l.r.replay == nil {
		return done, false
	}
	call := l.r.offloads.Add(1)
	told = func(v T, err error) {
		if l.tap != nil {
			l.tap.Offloaded(l, call, v, err)
		}
		done(v, err)
	}
	if l.r.replay != nil {
		keepOffload(l.r.replay, call, told)
		return nil, true
	}
	return told, false
}

// offloaded is what a worker does for an Offload.
func offloaded[T any](l *Loop, work func() (T, error), done func(T, error)) func() {
	return func() {
		var v T
		var err error
		defer func() { l.Post(func() { done(v, err) }) }()
		guard.Call(func() { v, err = work() }, func(p any) { err = panicked(p) })
	}
}

// workers runs functions on a bounded number of goroutines, which live only
// while there is work.
type workers struct {
	mu    sync.Mutex
	max   int
	n     int
	shut  bool
	queue ringbuf.Ring[func()]
}

// close drops what waits.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut, w.queue = true, ringbuf.Ring[func()]{}
}

func (w *workers) start(fn func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut {
		return ErrClosed
	}
	if w.n < w.max {
		w.n++
		go w.work(fn)
		return nil
	}
	if w.queue.Len() >= DefaultMaxQueued {
		return ErrBusy
	}
	w.queue.Push(fn)
	return nil
}

// again has fn called on a worker, after all that waits. It is for who is on a worker now,
// so one is there to take fn when this one has done what it does. It reports whether fn will
// be called.
func (w *workers) again(fn func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut {
		return false
	}
	w.queue.Push(fn)
	return true
}

func (w *workers) work(fn func()) {
	defer w.leave() // deferred: a function that ends its goroutine costs no worker
	for {
		fn()
		w.mu.Lock()
		next, ok := w.queue.Pop()
		w.mu.Unlock()
		if !ok {
			return
		}
		fn = next
	}
}

// leave ends a worker. If something was queued since it looked, another one begins.
func (w *workers) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if fn, ok := w.queue.Pop(); ok {
		go w.work(fn)
		return
	}
	w.n--
}
