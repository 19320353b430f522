package engine

import "github.com/packetmq/packetmq/internal/ringbuf"

// closeHere closes a loop that has no goroutine.
func (l *Loop) closeHere(err error) { l.onOwn(func() { l.close(err) }) }

// onOwn calls fn on a goroutine that it makes the loop's, which has none, and again
// on another one when a callback calls Goexit there.
func (l *Loop) onOwn(fn func()) {
	for done := false; !done; {
		left := make(chan struct{})
		go func() {
			defer close(left)
			l.adopt()
			defer l.disown()
			fn()
			done = true
		}()
		<-left
	}
}

// closeAndTell is close, begun anew when a callback calls Goexit.
func (l *Loop) closeAndTell(err error, closed chan struct{}) {
	l.end = func() { l.closeAndTell(err, closed) }
	defer func() {
		if v := recover(); v != nil {
			close(closed)
			panic(v)
		}
	}()
	l.close(err)
	l.end = nil
	close(closed)
}

// close ends every conn, on the loop or, where that does not run, in its place.
func (l *Loop) close(err error) {
	l.fire(DuringShutdown) // for which there may have been no goroutine
	l.closing = true
	l.settle() // in place of the loop, nobody has reported yet what ended before
	for len(l.conns) > 0 {
		l.conns[len(l.conns)-1].endNow(err)
		l.settle()
	}
	l.settle()
	if len(l.r.loops) == 1 { // else when all have closed
		l.fire(AfterShutdown)
		l.settle()
	}
	for l.batched < len(l.batch) {
		t := l.batch[l.batched]
		l.batched++
		l.drop(t)
	}
	l.batch, l.batched = nil, 0
	for {
		l.mu.Lock()
		t, ok := l.tasks.Pop()
		if !ok {
			l.shut = true
			l.looked = nil
			l.mu.Unlock()
			break
		}
		l.mu.Unlock()
		l.drop(t)
	}
	l.timers.clear()
	l.silence()
	l.ready, l.round, l.served = nil, 0, 0
	l.later = ringbuf.Ring[*Conn]{}
	l.congested, l.watched, l.pressed = lookout{}, lookout{}, nil
	l.buffers.clear()
}

// drop ends a task that is not to run: a conn that was attached is refused.
func (l *Loop) drop(t task) {
	if t.c != nil {
		t.c.refuseOpen(ErrClosed)
	}
}
