package engine

// What moves a conn's bytes, and what a protocol may have beside a Handler.

// Transport moves bytes under a conn: a socket, a memory pair, or a wrapper
// around another transport. Every method is called on the conn's loop.
type Transport interface {
	// Open is the first call. From now on input and the end go to s; what comes
	// before Open returns is not taken yet.
	Open(s Sink)

	// Pump delivers input that waits, as far as the Sink takes it, and sends output
	// that waits. It reports whether input is left: then it is called again after the
	// other conns had their turn.
	Pump() (more bool)

	// Write takes b over and moves its bytes on, in order, keeping what cannot
	// move at once. Whoever ends up with b puts it back into the pool of the
	// reactor that it came from. An error means that the transport has ended.
	Write(b *Buffer) error

	// Buffered is the number of bytes taken over that have not moved on.
	Buffered() int

	// CloseWrite tells the other side that no more will come. It is called
	// once, with nothing buffered.
	CloseWrite() error

	// Close ends the transport at once, without a further event, and drops
	// what is buffered. It is the last call.
	Close()
}

// Keeper is a Transport that knows how much memory its backlog takes and how many messages
// are in it. Of others, the bytes are counted.
type Keeper interface {
	// Memory is how much memory that output takes, in bytes.
	Memory() int

	// Messages is how many messages of f's are in it, whole or in part.
	Messages(f Framer) int
}

// Pauser is a Transport that can leave input where it is, so that it is this side's
// kernel, or the other end, that has no more room for it. Of other transports, the Sink
// takes nothing while it is paused. They are to keep what it does not take, to bring no
// more once they have as much as they may keep, and to ask for no Pump meanwhile.
type Pauser interface {
	// PauseRead says that the Sink takes nothing until ResumeRead. What Pump does for
	// output goes on.
	PauseRead()

	// ResumeRead takes PauseRead back. A Pump follows.
	ResumeRead()
}

// Sink is where a transport delivers: a conn, or a Wrapper's transport around it.
type Sink interface {
	// Received takes input in order and returns how much of b it used. Less
	// than all means that the conn had its share of this turn: the transport
	// keeps the rest and is pumped again. b is the transport's again when the
	// call returns. On the loop only.
	Received(b []byte) (n int)

	// Ended says that the transport is over, because of err: io.EOF when the
	// other side closed. It is the last event and comes after all input. On the loop
	// only.
	Ended(err error)

	// Wake asks for a Pump, soon and once for any number of calls. Any
	// goroutine may call it; on names the loop whose goroutine the caller is
	// on, which saves waking it, and is nil elsewhere.
	Wake(on *Loop)

	// Loop is where the events are delivered.
	Loop() *Loop
}

// Wrapper is a Handler that puts a transport of its own around each one that
// its conns are opened over: the place to meter, to compress or to trace. Wrap
// is called on the loop, before anything else of the conn; the transport it
// returns takes inner over. A panic or a runtime.Goexit in that transport ends the
// conn, like one in the Handler; one in a transport given to Attach ends the
// process.
type Wrapper interface {
	Wrap(c *Conn, inner Transport) Transport
}

// Unopened is a Handler that is told when the conn that it was made for, by an
// Acceptor, could not be opened. Nothing else is called then. Any goroutine may
// make the call.
type Unopened interface {
	NotOpened(c *Conn, err error)
}

// Failer is a Handler that is told when one of its methods panicked, with a
// PanicError, or called runtime.Goexit, with ErrGoexit, while the conn was open:
// in time for a last word to the other side. Failed is to end the conn; else it
// is aborted with err. The panic is the handler's to log then.
type Failer interface {
	Failed(c *Conn, err error)
}
