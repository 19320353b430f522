package engine

// Work on other goroutines that is done one piece after the other.

import (
	"sync"

	"github.com/packetmq/packetmq/internal/ringbuf"
)

// WorkQueue is work of which one piece is done at a time, in order: what a conn, a room or
// an account may not have done twice at once. The zero value is ready. Its pieces take one
// worker of the reactor's while there are any, and between two of them all others that wait
// for a worker have their turn. A queue is used with one loop. Any goroutine may use it.
type WorkQueue struct {
	mu      sync.Mutex
	waiting ringbuf.Ring[func()] // not begun
	running bool                 // a worker has the queue, or is about to
}

// OffloadInOrder is Offload for a piece of work that begins when all pieces before it in q
// have ended. The results come to the loop in the same order.
//
// ErrBusy means that 65,536 pieces wait in q, or as many calls of Offload for a worker.
func OffloadInOrder[T any](l *Loop, q *WorkQueue, work func() (T, error), done func(T, error)) error {
	if err := nonNil("loop", l, "queue", q, "work", work, "function for the result", done); err != nil {
		return err
	}
	done, kept := toldOffload(l, done)
	if kept {
		return nil
	}
	return q.add(&l.r.work, offloaded(l, work, done))
}

// Drop drops the pieces that were not begun, whose done will not be called, and returns how
// many they were.
func (q *WorkQueue) Drop() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = q.waiting.Len()
	q.waiting.Clear()
	return n
}

func (q *WorkQueue) add(w *workers, piece func()) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting.Len() >= DefaultMaxQueued {
		return ErrBusy
	}
	if !q.running {
		if err := w.start(func() { q.work(w) }); err != nil {
			return err
		}
		q.running = true
	}
	q.waiting.Push(piece)
	return nil
}

// work does the first piece, on a worker.
func (q *WorkQueue) work(w *workers) {
	defer q.goOn(w) // deferred: a piece may end its goroutine
	q.mu.Lock()
	piece, ok := q.waiting.Pop()
	q.mu.Unlock()
	if ok {
		piece()
	}
}

// goOn has a worker do the next piece, after all else that waits for one.
func (q *WorkQueue) goOn(w *workers) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = q.waiting.Len() > 0 && w.again(func() { q.work(w) })
}
