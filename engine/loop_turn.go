package engine

import "time"

// turn is the bell's callback, between enter and exit. A loop without sockets,
// which has none to go back to, takes one turn behind the other for a while.
func (l *Loop) turn() {
	l.rounds++
	l.roundEnded()
	began := time.Now()
	for l.once(began); l.again(began); l.once(began) {
	}
}

// alone reports whether no sockets wait for the end of a turn. A virtual loop's
// caller decides by itself how many turns there are.
func (l *Loop) alone() bool { return l.sockets == 0 && !l.r.virtual }

// again reports whether another turn may follow the first one, which began then.
func (l *Loop) again(began time.Time) bool {
	if !l.alone() || !l.asked.Load() || l.r.halted() || time.Since(began) > turnAlone {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stillAsked()
}

// once is one turn: posted functions, timers, and the conns whose input was held
// back, each in order and each bounded.
func (l *Loop) once(began time.Time) {
	if cap(l.batch) == 0 {
		l.batch = make([]task, 0, maxTasks)
	}
	l.mu.Lock()
	l.ringing = false
	alarmed := l.alarmed
	l.alarmed = false
	if len(l.batch) == 0 {
		l.batch = l.batch[:l.tasks.PopInto(l.batch[:maxTasks])]
	}
	l.mu.Unlock()

	l.wheel.judge(l)
	for l.batched < len(l.batch) && !l.r.halted() {
		t := l.batch[l.batched]
		l.batch[l.batched] = task{}
		l.batched++
		l.do(t)
	}
	if l.batched == len(l.batch) { // else a task stopped the reactor
		l.batched = 0
		l.batch = l.batch[:0]
	}
	if alarmed || l.timers.isDue(l.r.clock.at(began)) { // where a busy machine is late to ring
		l.runTimers()
	}
	if l.asked.Load() {
		l.takeLooked()
	}
	l.settle()
	l.runReady(began)
}

// runReady gives each waiting conn its share, in order, until the turn's
// budget is used up. Flushing what they wrote, when each has had its share, can
// make others ready: the two ends of a memory pair on one loop talk here without
// a system call.
func (l *Loop) runReady(began time.Time) {
	if !l.hasReady() {
		return
	}
	most, budget := aloneShares, turnAlone
	if !l.alone() {
		most, budget, began = maxShares, turnBudget, time.Now()
	}
	for shares := 1; !l.r.halted(); shares++ {
		if l.served == l.round {
			l.nextRound()
			l.settle()
			if l.round = len(l.ready); l.round == 0 {
				return
			}
		}
		c := l.ready[l.served]
		l.ready[l.served] = nil
		l.served++
		c.flags.unset(inReady)
		if c.state != closed {
			c.pump()
		}
		if shares == most {
			break
		}
		if (shares%16 == 0 || l.dear) && !l.r.virtual { // else to look costs as much as a share
			if l.dear = false; time.Since(began) > budget {
				break
			}
		}
	}
	l.settle()
}

func (l *Loop) hasReady() bool { return l.served < len(l.ready) || l.later.Len() > 0 }

// nextRound takes those out that had their share, and adds one of those that have
// input left from an earlier one: however many conns bring more than a share, one
// that brings less waits for no more than one of them.
func (l *Loop) nextRound() {
	n := 0
	if l.served < len(l.ready) {
		n = copy(l.ready, l.ready[l.served:])
		clear(l.ready[n:])
	}
	l.ready, l.served = l.ready[:n], 0
	if c, ok := l.later.Pop(); ok {
		l.ready = append(l.ready, c)
	}
}

// takeLooked answers what other goroutines ask of conns.
func (l *Loop) takeLooked() {
	l.mu.Lock()
	looked := l.looked
	if len(looked) == 0 {
		l.mu.Unlock()
		return
	}
	l.looked = l.spare[:0]
	l.mu.Unlock()
	l.looking = looked
	for i, c := range looked {
		looked[i] = nil
		c.answer()
	}
	l.looking = nil
	l.spare = looked[:0]
}

// settle sends what callbacks wrote, tells of pressure, and reports the conns that
// ended, until nothing of these is left. After a Stop it sends, and the rest waits
// for the next Run.
func (l *Loop) settle() {
	for l.flush(); (len(l.pressed) > 0 || len(l.lost) > 0 || l.crowded) && !l.r.halted(); l.flush() {
		l.tell()
	}
}

// flush sends what callbacks wrote.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ { // it may grow
		c := l.dirty[i]
		l.dirty[i] = nil
		if c != nil { // else done, before a Goexit
			c.flush()
		}
	}
	l.dirty = l.dirty[:0]
}

// tell tells of pressure, and reports the conns that ended.
func (l *Loop) tell() {
	if l.crowded {
		l.relieve()
	}
	for i := 0; i < len(l.pressed); i++ {
		if l.r.halted() {
			return
		}
		p := l.pressed[i]
		l.pressed[i] = pressure{} // once, even if the callback calls Goexit
		if p.c != nil {
			p.tell()
		}
	}
	l.pressed = l.pressed[:0]
	for i := 0; i < len(l.lost); i++ {
		if l.r.halted() {
			return
		}
		b := l.lost[i]
		l.lost[i] = closedEvent{} // once, even if the callback calls Goexit
		if b.c != nil {
			l.report(b)
		}
	}
	l.lost = l.lost[:0]
}

// closedEvent is a conn whose Closed is to be called.
type closedEvent struct {
	c   *Conn
	err error
}

func (l *Loop) report(b closedEvent) {
	defer l.r.releaseConn()
	l.call(nil, func() { b.c.handler.Closed(b.c, b.err) })
}

func (l *Loop) do(t task) {
	if t.c != nil {
		t.c.start()
		return
	}
	l.run(t.fn)
}
