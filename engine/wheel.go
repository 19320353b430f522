package engine

import (
	"math"
	"time"
)

// Tick is how exact a conn's deadline is: it comes at most this late.
const Tick = 250 * time.Millisecond

// maxTicks is a deadline that never comes: seventeen years.
const maxTicks = math.MaxInt32 - 1

// wheel holds the conns of a loop that have a deadline, in slots by the tick
// it falls into. Moving a deadline later costs a store: the conn is put where
// it belongs when its old slot comes up. One timer serves all conns, and a
// conn pays three words for it.
//
// It is the loop's alone.
type wheel struct {
	slots   [128]*Conn // lists, linked through Conn.nextDue
	now     int32      // ticks since the reactor began
	timer   *Timer
	expired []*Conn
}

// Now is the loop's coarse clock: it goes on in steps of 250 ms while conns are
// open, and stands still while the reactor is stopped. Reading it costs a load.
// On the loop only.
func (l *Loop) Now() time.Duration {
	l.mustBeHere("Loop.Now")
	return time.Duration(l.wheel.now) * Tick
}

// Time is the loop's clock, exactly: the time since the reactor was made,
// without the time it stood stopped. Any goroutine may call it.
func (l *Loop) Time() time.Duration { return l.r.clock.now() }

// SetDeadline has the handler's Expired called once, when the loop's clock
// comes to at, or up to 250 ms later; another call moves the deadline, and 0
// takes it away. Moving it later costs a store. On the loop only.
func (c *Conn) SetDeadline(at time.Duration) {
	c.loop.mustBeHere("Conn.SetDeadline")
	if c.phase == fresh || c.phase == open { // Finish has its own
		c.setDeadline(at)
	}
}

func (c *Conn) setDeadline(at time.Duration) {
	if at <= 0 {
		c.due = 0
		return
	}
	w := &c.loop.wheel
	c.due = max(int32(min((at-1)/Tick+1, maxTicks)), w.now+1)
	if c.slotDue != 0 {
		if c.slotDue <= c.due { // found there in time, and moved
			return
		}
		w.take(c)
	}
	w.put(c)
}

// start has the wheel turn, as long as conns are open.
func (w *wheel) start(l *Loop) {
	if w.timer == nil {
		w.now = int32(l.r.clock.now() / Tick)
		w.timer = l.Every(Tick, func() { w.turn(l) })
	}
}

// put links c into the slot of its deadline, or as far ahead as slots go.
func (w *wheel) put(c *Conn) {
	c.slotDue = min(c.due, w.now+int32(len(w.slots))-1)
	head := &w.slots[int(c.slotDue)%len(w.slots)]
	c.nextDue, c.prevDue = *head, nil
	if *head != nil {
		(*head).prevDue = c
	}
	*head = c
}

// take unlinks c.
func (w *wheel) take(c *Conn) {
	if c.slotDue == 0 {
		return
	}
	if c.prevDue != nil {
		c.prevDue.nextDue = c.nextDue
	} else {
		w.slots[int(c.slotDue)%len(w.slots)] = c.nextDue
	}
	if c.nextDue != nil {
		c.nextDue.prevDue = c.prevDue
	}
	c.nextDue, c.prevDue, c.slotDue = nil, nil, 0
}

// turn goes on by the ticks that have passed.
func (w *wheel) turn(l *Loop) {
	for end := int32(l.r.clock.now() / Tick); w.now < end; {
		w.now++
		w.expire(l, w.now)
	}
	if len(l.conns) == 0 && w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

// expire looks at the conns of one slot. They are taken out first: what
// Expired does may put conns, this one too, anywhere.
func (w *wheel) expire(l *Loop, at int32) {
	for c := w.slots[int(at)%len(w.slots)]; c != nil; {
		next := c.nextDue
		w.take(c)
		switch {
		case c.due == 0:
		case c.due > at:
			w.put(c)
		default:
			w.expired = append(w.expired, c)
		}
		c = next
	}
	w.tell()
}

// tell calls Expired, for all that are left: those before a Goexit, or before a
// Stop, were told.
func (w *wheel) tell() {
	for i, c := range w.expired {
		if c != nil && c.loop.r.halted() {
			c.loop.Post(w.tell)
			return
		}
		w.expired[i] = nil
		if c != nil && c.due != 0 && c.due <= w.now { // else another one's Expired moved it
			c.due = 0
			c.expire()
		}
	}
	w.expired = w.expired[:0]
}

func (c *Conn) expire() {
	switch {
	case c.phase == finishing, c.phase == lingering:
		c.overdue()
	case c.phase == open && !c.ending():
		returned := false
		defer c.loop.caught(c, &returned)
		c.handler.Expired(c)
		returned = true
	}
}
