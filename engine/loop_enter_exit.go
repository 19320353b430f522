package engine

// What happens before and after each callback of a loop, also when Goexit ends it.

import "time"

// enter begins a callback of the driver. The driver then does what it came for, calls
// done, and exit.
func (l *Loop) enter() {
	if l.r.halted() && l.handover == nil { // a goroutine that polls returns instead
		l.r.park()
	}
	l.begin()
}

// begin is enter, whatever is halted.
func (l *Loop) begin() {
	l.inbox.beginCallback()
	l.finished = false
	l.watchers.begin()
}

// done flushes what was written and calls the handlers of deferred events.
func (l *Loop) done() {
	for range 2 { // twice, so that an answer to what was just asked leaves at once; not for ever
		l.inbox.answerRequests()
		if l.ready.takeRelayed() {
			l.runReady(time.Now())
		}
		l.settle()
		if !l.inbox.news.Load() {
			break
		}
	}
	l.finish()
}

// finish is done without what it sends and calls.
func (l *Loop) finish() {
	l.buffers.settle()
	l.finished = true
}

// exit ends a callback of the driver. Without done or finish before it, a Goexit is ending
// the goroutine.
func (l *Loop) exit() {
	if !l.finished {
		l.afterGoexit()
	}
	l.watchers.end()
	l.inbox.endCallback()
	// Halted: the turn that was asked for to park may have begun before the Stop.
	l.inbox.wakeIfAsked(l.ready.any() || l.r.halted())
}

// afterGoexit has the next turn do what Goexit kept this callback from doing. All else
// that a callback works on is where the next one looks for it.
func (l *Loop) afterGoexit() {
	l.timers.afterGoexit()
	l.unwritten.clear(&l.r.pool) // of a Wrapper's transport, as is unread: its conn has ended
	l.unread = nil
	if l.r.draining.Load() {
		l.Post(l.drain)
	}
	if l.closing.again != nil {
		l.Post(l.closing.again)
	}
	l.inbox.afterGoexit()
}
