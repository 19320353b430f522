package engine

// The deadlines of a loop's conns, on one coarse clock.

import (
	"math"
	"time"
)

// Tick is the step of the clock of deadlines. A deadline comes at most this late.
const Tick = 250 * time.Millisecond

// maxTicks is a deadline that never comes: seventeen years.
const maxTicks = math.MaxInt32 - 1

// unreadTicks is for how many ticks a deadline waits for input that has arrived and was
// not read yet. Without a bound, one that never stops sending would have no deadline.
const unreadTicks = 4

// deadlineWheel has the conns of a loop that have a deadline, in slots by tick. To move a
// deadline later costs one store: the conn is put into its new slot when the old one comes
// up. One timer serves all conns, and each conn has three words for it.
//
// Deadlines are about what the other side did not do while this side could have seen it.
// So the wheel does not count the time in which the loop, or the whole process, stood
// still. And a deadline that has come is judged only after all input was read that had
// arrived before it.
//
// Loop only.
type deadlineWheel struct {
	// Set once.
	clock     *clock
	inbox     *inbox
	timers    *timers
	conns     *openConns // while there are any, the wheel turns
	countsAll bool       // time in which the loop stood still counts: nobody could have read anything meanwhile

	slots [128]*Conn // lists, linked through Conn.nextDue
	now   int32      // ticks that were counted
	last  int32      // the tick of the reactor's clock at the last turn
	late  bool       // the last turn was not counted
	timer *Timer
	due   []overdue // conns whose deadline has come, until the end of a poll round
}

// overdue is a conn whose deadline has come.
type overdue struct {
	c     *Conn
	until int32 // the tick up to which it waits for input to be read
}

// Ticks is a moment on the clock that Loop.Now reads, in its steps of 250 ms. It takes
// half the memory of a time.Duration.
type Ticks int32

// Time is the moment as Loop.Now and Conn.SetDeadline have it.
func (t Ticks) Time() time.Duration { return time.Duration(t) * Tick }

// After is the first tick at which d, above 0, has passed since the beginning of t.
func (t Ticks) After(d time.Duration) Ticks {
	return Ticks(min(time.Duration(t)+(d-1)/Tick+1, math.MaxInt32))
}

// AfterAll is the first tick at which d has passed since any moment of t.
func (t Ticks) AfterAll(d time.Duration) Ticks { return t.After(d + Tick) }

// SetDeadline has the handler's Expired called once, when the clock that Loop.Now reads
// comes to at, or up to 250 ms later. What had arrived by then is received before. Another
// call moves the deadline, and 0 takes it away. To move it later costs a store. On the
// loop only.
func (c *Conn) SetDeadline(at time.Duration) {
	c.loop.mustBeHere("Conn.SetDeadline")
	if c.state == unopened || c.state == open { // Finish has its own
		c.setDeadline(at)
	}
}

func (c *Conn) setDeadline(at time.Duration) { c.loop.deadlines.set(c, at) }

// set has the deadline of c come at a time of the wheel's clock, or never if that is 0.
func (w *deadlineWheel) set(c *Conn, at time.Duration) {
	if at <= 0 {
		c.deadline = 0
		return
	}
	c.deadline = max(int32(min((at-1)/Tick+1, maxTicks)), w.now+1)
	if c.wheelAt != 0 {
		if c.wheelAt <= c.deadline { // it is moved when that slot comes up
			return
		}
		w.take(c)
	}
	w.put(c)
}

// start has the wheel turn, as long as conns are open.
func (w *deadlineWheel) start() {
	if w.timer == nil {
		w.last = int32(w.clock.now() / Tick)
		w.now, w.late = w.last, false
		w.timer = w.timers.every(Tick, Tick, w.turn)
	}
}

// put links c into the slot of its deadline, or as far ahead as slots go.
func (w *deadlineWheel) put(c *Conn) {
	c.wheelAt = min(c.deadline, w.now+int32(len(w.slots))-1)
	head := &w.slots[int(c.wheelAt)%len(w.slots)]
	c.nextDue, c.prevDue = *head, nil
	if *head != nil {
		(*head).prevDue = c
	}
	*head = c
}

// take unlinks c.
func (w *deadlineWheel) take(c *Conn) {
	if c.wheelAt == 0 {
		return
	}
	if c.prevDue != nil {
		c.prevDue.nextDue = c.nextDue
	} else {
		w.slots[int(c.wheelAt)%len(w.slots)] = c.nextDue
	}
	if c.nextDue != nil {
		c.nextDue.prevDue = c.prevDue
	}
	c.nextDue, c.prevDue, c.wheelAt = nil, nil, 0
}

// turn goes on by the ticks that have passed. It is called once in a tick. A call that is
// late by a tick or more does not count, because the loop could not read meanwhile. If the
// call before did not count either, it does: so for a loop that is always late, time
// passes slowly, but it passes. With countsAll, each call counts.
func (w *deadlineWheel) turn() {
	at := int32(w.clock.now() / Tick)
	passed := at - w.last
	w.last = at
	if !w.countsAll {
		w.late = passed > 1 && !w.late
		if passed = min(passed, 1); w.late {
			passed = 0
		}
	}
	for end := w.now + passed; w.now < end; {
		w.now++
		w.expire(w.now, end+unreadTicks)
	}
	if len(w.due) > 0 {
		w.inbox.wakeAfterRound()
	}
	if len(*w.conns) == 0 && w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// time is Loop.Now, but exact: the clock of deadlines between two ticks.
func (w *deadlineWheel) time() time.Duration {
	part := w.clock.now() - time.Duration(w.last)*Tick
	if !w.countsAll {
		part = min(part, Tick) // the rest will not be counted
	}
	return time.Duration(w.now)*Tick + part
}

// expire takes out the conns of the slot at whose deadline has come. They wait until their
// input has been read, at most until the given tick.
func (w *deadlineWheel) expire(at, until int32) {
	for c := w.slots[int(at)%len(w.slots)]; c != nil; {
		next := c.nextDue
		w.take(c)
		switch {
		case c.deadline == 0:
		case c.deadline > at:
			w.put(c)
		default:
			w.due = append(w.due, overdue{c, until})
		}
		c = next
	}
}

// judge calls Expired for the conns in due. It is called at the end of a poll round that
// began after their deadlines had come (see batching.findRoundEnd), so what arrived before has been
// read, unless it was more than one read takes: such a conn stays in due. Each conn is
// taken out before its Expired is called, which may call Goexit and may move deadlines. Those
// that are left when halted reports true wait for the next turn.
func (w *deadlineWheel) judge(halted func() bool) {
	for i := len(w.due) - 1; i >= 0 && !halted(); i-- {
		o := w.due[i]
		expired := o.c.deadline != 0 && o.c.deadline <= w.now // else its deadline was moved
		if expired && w.now < o.until && o.c.unread() {
			continue
		}
		last := len(w.due) - 1
		w.due[i] = w.due[last]
		w.due[last] = overdue{}
		w.due = w.due[:last]
		if expired {
			o.c.deadline = 0
			o.c.expire()
		}
	}
	if len(w.due) > 0 {
		w.inbox.wakeAfterRound()
	}
}

// unread reports whether input of the conn, or its end, has arrived and will be received
// soon.
func (c *Conn) unread() bool {
	if c.flags.has(pausedRead) {
		return false
	}
	return c.flags.has(inReady) || c.requests.Load()&askPump != 0 || c.unreadSocket()
}

func (c *Conn) expire() {
	if c.loop.tap != nil {
		c.loop.tap.Expired(c)
	}
	switch {
	case c.state == finishing, c.state == halfClosed:
		c.graceOver()
	case c.state == open && !c.isEnding():
		c.call(func() { c.handler.Expired(c) })
	}
}
