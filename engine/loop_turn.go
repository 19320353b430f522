package engine

// One turn of a loop: posted functions, timers, and a share for each conn that has input
// left. The wake-up begins it, after the sockets of a poll round.

import "time"

// wokenUp is the wake-up's callback, between enter and exit. A loop without sockets,
// which has none to go back to, takes one turn after the other for a while.
func (l *Loop) wokenUp() {
	l.wakeUps++
	l.batching.roundEnded()
	began := time.Now()
	for l.turn(began); l.takesAnother(began); l.turn(began) {
	}
}

// alone reports whether no sockets wait for the end of a turn. A virtual loop's
// caller decides by itself how many turns there are.
func (l *Loop) alone() bool { return l.sockets == 0 && !l.r.virtual }

// takesAnother reports whether another turn may follow the first one, which began then.
func (l *Loop) takesAnother(began time.Time) bool {
	return l.alone() && !l.r.halted() && time.Since(began) <= turnAlone && l.inbox.hasNews()
}

// turn calls posted functions and timers, and pumps conns that have input left, each in
// order and each bounded.
func (l *Loop) turn(began time.Time) {
	timerDue := l.inbox.beginTurn()
	l.deadlines.judge(l.r.halted)
	for !l.r.halted() { // the rest waits for the next Run
		t, ok := l.inbox.nextTask()
		if !ok {
			break
		}
		l.do(t)
	}
	if timerDue || l.timers.isDue(l.r.clock.at(began)) { // where a busy machine is late to wake the loop
		l.timers.run(l.r.halted, l.callTimer)
	}
	l.inbox.answerRequests()
	l.settle()
	l.runReady(began)
}

// runReady gives each waiting conn its share, in order, until the turn's
// budget is used up. Flushing what they wrote, when each has had its share, can
// make others ready: the two ends of a memory pair on one loop talk here without
// a system call.
func (l *Loop) runReady(began time.Time) {
	q := &l.ready
	if !q.any() {
		return
	}
	most, budget := aloneShares, turnAlone
	if !l.alone() {
		most, budget, began = maxShares, turnBudget, time.Now()
	}
	for shares := 1; !l.r.halted(); shares++ {
		if q.roundIsOver() {
			q.shift()
			l.settle()
			if !q.beginRound() {
				return
			}
		}
		if c := q.next(); c.state != closed {
			c.pump()
		}
		if shares == most {
			break
		}
		// To look at the clock more often would cost as much as a share.
		if look := q.takeLong() || shares%16 == 0; look && !l.r.virtual && time.Since(began) > budget {
			break
		}
	}
	l.settle()
}

// settle flushes what callbacks wrote and calls the handlers of deferred events, until
// nothing of these is left. After a Stop it flushes, and the rest waits for the next Run.
func (l *Loop) settle() {
	for l.dirty.flush(); (l.events.any() || l.backlogs.crowded) && !l.r.halted(); l.dirty.flush() {
		if l.backlogs.crowded {
			l.r.endCrowding(l)
		}
		l.events.call(l.r)
	}
}

// do does a task: it calls the function that was posted, or opens the conn that was attached.
func (l *Loop) do(t task) {
	if t.c != nil {
		t.c.start()
		return
	}
	if l.tap != nil {
		l.tap.Called(l)
	}
	l.r.call(t.fn)
}

// callTimer calls the function of a timer that is due.
func (l *Loop) callTimer(t *Timer) {
	if l.tap != nil && t.number > 0 {
		l.tap.Fired(l, t.number)
	}
	l.r.call(t.fn)
}
