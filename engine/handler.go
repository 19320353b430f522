package engine

// Handler: what a protocol above a conn implements.

// Handler is the protocol above a conn. Its methods are called on the conn's
// loop, one at a time. A panic or a runtime.Goexit in one ends that conn, with a
// PanicError or ErrGoexit, and nothing else. The loop's goroutine is not the
// program's to lock to a thread: what locks are left when a method returns are
// undone, and more than a few of them end the process.
type Handler interface {
	// Opened is the first event.
	Opened(c *Conn)

	// Received takes input from the front of b and returns how many bytes it used.
	// After less than all, the other conns have their turn; then the rest comes again,
	// followed by what has arrived since. b is not the handler's once it returns.
	Received(c *Conn, b []byte) (n int)

	// Expired says that the deadline set with SetDeadline has come.
	Expired(c *Conn)

	// Pressure says that more than Config.SoftPending waits for the other side
	// (above), or that the other side has taken most of it since. A conn that stays
	// above for Config.SoftTime is ended with ErrSlowConsumer. Pressure is called
	// after the writes that showed it.
	Pressure(c *Conn, above bool)

	// Drain says that the reactor shuts down: end the conversation in the
	// protocol's own way, and finish the conn.
	Drain(c *Conn)

	// Closed is the last event, and the only one after a callback that called
	// Abort. It comes exactly once for a conn that was opened. err is io.EOF when
	// the other side closed, nil when this side finished, else what ended the conn.
	Closed(c *Conn, err error)
}
