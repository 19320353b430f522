package engine

// Tap: who records what enters the loops of a reactor, in its order, so that it can be
// looked at and played again. virtual_replay.go does the latter.

// Tap is told what enters the loops of a reactor and what leaves them, before the program
// is: Config.Tap. Each method is called on the loop that it is about, in the order in which
// things happen there, and must be quick; it may not panic, and may not call methods that
// change anything. A reactor has several loops, so its methods are called on several
// goroutines at once, but for one loop always on one. Bytes are valid during the call only.
type Tap interface {
	ConnTap
	LoopTap
}

// ConnTap is told of conns. Bytes are those of the Handler: what a Wrapper's transport makes
// of them is not told.
type ConnTap interface {
	// Opened is told before the handler is.
	Opened(c *Conn)

	// Received is called with what the handler is about to be offered: what it left of what
	// it was offered last, followed by what has arrived since.
	Received(c *Conn, b []byte)

	// Took says that the handler took only n bytes of what it was offered.
	Took(c *Conn, n int)

	// Sent is called with output that the transport is given. One message may come in
	// several calls.
	Sent(c *Conn, b []byte)

	// Ended says that the transport has ended, by Sink.Ended or as an error of Write or
	// CloseWrite: the other side did it.
	Ended(c *Conn, err error)

	// Closed is the last of a conn. err is what the handler's Closed is told.
	Closed(c *Conn, err error)
}

// LoopTap is told of what a loop calls.
type LoopTap interface {
	// Called says that a posted function is about to be called.
	Called(l *Loop)

	// Fired says that a timer is about to be called. Timers are numbered from 1 on, each
	// time that they are set: the first one that is set on a loop is 1.
	Fired(l *Loop, timer uint64)

	// Offloaded says that the function for the result of an Offload is about to be called
	// with v and err. Calls of Offload are numbered from 1 on, for all loops together. A
	// Called has come before it.
	Offloaded(l *Loop, call uint64, v any, err error)

	// Expired says that the deadline of c has come.
	Expired(c *Conn)

	// Pressed says that the handler's Pressure is about to be called.
	Pressed(c *Conn, above bool)

	// Drained says that the handler's Drain is about to be called.
	Drained(c *Conn)
}
