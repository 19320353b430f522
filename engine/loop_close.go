package engine

// The end of a loop: every conn is ended, what was posted is dropped, and nothing more is
// taken in.

// loopClosing is how far the end of a loop is. Loop only.
type loopClosing struct {
	begun bool   // conns that come in are refused
	again func() // begins the closing anew, after a Goexit; nil: it is not under way
}

// closeAndTell is close, begun anew when a callback calls Goexit.
func (l *Loop) closeAndTell(err error, closed chan struct{}) {
	l.closing.again = func() { l.closeAndTell(err, closed) }
	defer func() {
		if v := recover(); v != nil {
			close(closed)
			panic(v)
		}
	}()
	l.close(err)
	l.closing.again = nil
	close(closed)
}

// close ends every conn, on the loop or, where that does not run, in its place.
func (l *Loop) close(err error) {
	l.r.callShutdownHooks(l, DuringShutdown) // for which there may have been no goroutine
	l.closing.begun = true
	l.settle() // in place of the loop, nobody has reported yet what ended before
	for c := l.conns.last(); c != nil; c = l.conns.last() {
		c.endNow(err)
		l.settle()
	}
	l.settle()
	if len(l.r.loops) == 1 { // else when all have closed
		l.r.callShutdownHooks(l, AfterShutdown)
		l.settle()
	}
	l.inbox.close(l.drop)
	l.timers.clear()
	l.timers.alarm.stop()
	l.ready = readyConns{}
	l.backlogs.clear()
	l.events.pressure = nil
	l.buffers.clear()
}

// drop ends a task that is not to run: a conn that was attached is refused, and who waits for
// a function is told.
func (l *Loop) drop(t task) {
	switch {
	case t.c != nil:
		t.c.refuseOpen(ErrClosed)
	case t.dropped != nil:
		l.r.call(t.dropped)
	}
}
