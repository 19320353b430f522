package engine

// What a conn's transport calls: its input, its end, and that it wants a Pump.

// connSink is a Conn as the Sink of its transport. It is a type of its own so that the
// program, which has the Conn, does not have these methods.
type connSink Conn

// sink is c as its transport has it.
func (c *Conn) sink() Sink { return (*connSink)(c) }

func (s *connSink) conn() *Conn { return (*Conn)(s) }

// Loop implements Sink.
func (s *connSink) Loop() *Loop { return s.loop }

// Received implements Sink.
func (s *connSink) Received(b []byte) (n int) {
	c := s.conn()
	if c.state != open || c.requests.Load()&(askAbort|askFinish|readPaused) != 0 {
		switch {
		case c.state == unopened: // Opened is the first event
			c.loop.ready.add(c)
			return 0
		case c.state == open && !c.isEnding(): // it is paused
			c.applyPause() // the goroutine that paused it may be interrupted before it tells the loop
			c.loop.metPause = true
			return 0
		}
		return len(b) // input is dropped from when the end was asked for
	}
	if c.loop.r.halted() { // by an earlier callback of the same turn
		c.loop.ready.add(c)
		return 0
	}
	n = len(b) // after a panic, the rest of the input is not read
	returned := false
	defer func() { // guard.Call by hand, since a call counts here
		if !returned {
			c.callFailed(recover())
		}
	}()
	if c.loop.tap != nil {
		c.loop.tap.Received(c, b)
	}
	if debugBuild {
		b = lend(b)
		defer poison(b)
	}
	n = min(max(c.handler.Received(c, b), 0), len(b))
	returned = true
	if n < len(b) && c.loop.tap != nil {
		c.loop.tap.Took(c, n)
	}
	if n > longInput {
		c.loop.ready.long = true
	}
	return n
}

// Ended implements Sink.
func (s *connSink) Ended(err error) {
	c := s.conn()
	if c.state == closed {
		return
	}
	if c.loop.tap != nil {
		c.loop.tap.Ended(c, err)
	}
	if c.state == halfClosed || c.state == finishing && c.backlog == 0 && c.pendingNow() == 0 {
		err = nil
	}
	c.remove(err)
}

// Wake implements Sink.
func (s *connSink) Wake(on *Loop) {
	c := s.conn()
	if on == c.loop {
		c.loop.ready.add(c)
		return
	}
	c.request(askPump)
}
