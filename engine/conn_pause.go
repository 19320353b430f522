package engine

// Read pause: the program has the input of a conn wait where it is, so that the other side
// is held back. What the conn sends is not touched by it.

// PauseRead has no more input of the conn received until ResumeRead is called. What has
// arrived waits, in the kernel as far as it can: then its buffers fill, and the other side
// cannot send more. Output, deadlines and Post go on as ever. After a call on the conn's
// loop Received is not called again; after one on another goroutine a call that is under
// way comes to its end.
//
// Calls are not counted: one ResumeRead takes any number of them back. Abort and Finish
// end a paused conn as any other. That the other side has ended it is told at once where
// the kernel says so without being read, and else after ResumeRead.
func (c *Conn) PauseRead() {
	if c.requests.Or(readPaused)&readPaused == 0 {
		c.request(askPause)
	}
}

// ResumeRead takes PauseRead back: what waits is received, and then what comes.
func (c *Conn) ResumeRead() {
	if c.requests.And(^uint32(readPaused))&readPaused != 0 {
		c.request(askPause)
	}
}

// wantsPause reports whether input is to wait: PauseRead was called, and the conn is open.
func (c *Conn) wantsPause() bool {
	return c.requests.Load()&readPaused != 0 && c.state == open
}

// applyPause tells the transport whether the conn is paused. A conn that is not is pumped
// in any case: it may have been paused for a moment, and have left input to its transport
// in that.
func (c *Conn) applyPause() {
	p, _ := c.tr.(Pauser)
	switch paused := c.flags.has(pausedRead); {
	case c.wantsPause():
		if c.flags.set(pausedRead); !paused && p != nil {
			p.PauseRead()
		}
		return
	case paused:
		if c.flags.unset(pausedRead); p != nil {
			p.ResumeRead()
		}
	}
	c.loop.ready.add(c)
}
