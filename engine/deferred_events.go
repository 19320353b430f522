package engine

// The events Pressure and Closed. They come up in the middle of a write, and their
// handlers are called when the writes of the callback are over: what a Goexit would
// keep a write from doing, nobody could make up for.

// deferredEvents are those of a loop that are due. Loop only.
type deferredEvents struct {
	pressure []pressureEvent
	closed   []closedEvent
}

// pressureEvent is a call of Handler.Pressure.
type pressureEvent struct {
	c     *Conn
	above bool
}

// closedEvent is a call of Handler.Closed.
type closedEvent struct {
	c   *Conn
	err error
}

func (q *deferredEvents) any() bool { return len(q.pressure) > 0 || len(q.closed) > 0 }

// call calls the handlers. Each is called once, even if it calls Goexit; the rest waits
// for the next turn then, as it does after a Stop.
func (q *deferredEvents) call(r *Reactor) {
	for i := 0; i < len(q.pressure); i++ { // it may grow
		if r.halted() {
			return
		}
		e := q.pressure[i]
		q.pressure[i] = pressureEvent{}
		if e.c != nil {
			e.call()
		}
	}
	q.pressure = q.pressure[:0]
	for i := 0; i < len(q.closed); i++ {
		if r.halted() {
			return
		}
		e := q.closed[i]
		q.closed[i] = closedEvent{}
		if e.c != nil {
			e.call()
		}
	}
	q.closed = q.closed[:0]
}

func (e pressureEvent) call() {
	c := e.c
	if c.state == open && !c.isEnding() {
		if c.loop.tap != nil {
			c.loop.tap.Pressed(c, e.above)
		}
		c.call(func() { c.handler.Pressure(c, e.above) })
	}
}

func (e closedEvent) call() {
	r := e.c.loop.r
	defer r.releaseConn()
	r.call(func() { e.c.handler.Closed(e.c, e.err) })
}
