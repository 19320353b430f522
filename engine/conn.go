package engine

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Handler is the protocol above a conn. Its methods are called on the conn's
// loop, one at a time. A panic or a runtime.Goexit in one ends that conn, with a
// PanicError or ErrGoexit, and nothing else. The loop's goroutine is not the
// program's to lock to a thread: what locks are left when a method returns are
// undone, and more than a few of them end the process.
type Handler interface {
	// Opened is the first event.
	Opened(c *Conn)

	// Received takes input from the front of b and returns how much it used.
	// Less than all gives the others their turn: the rest comes again, with
	// what follows behind it. b is not the handler's once it returns.
	Received(c *Conn, b []byte) (n int)

	// Expired says that the deadline set with SetDeadline has come.
	Expired(c *Conn)

	// Pressure says that more than Config.SoftPending waits for the other side
	// (above), or that it has taken most of it since. A conn that stays above
	// for Config.SoftTime is ended with ErrSlowConsumer. It comes behind the
	// writes that showed it.
	Pressure(c *Conn, above bool)

	// Drain says that the reactor shuts down: end the conversation in the
	// protocol's own way, and finish the conn.
	Drain(c *Conn)

	// Closed is the last event, and the only one behind a callback that called
	// Abort. It comes exactly once for a conn that was opened: err is io.EOF
	// when the other side closed, nil when this side finished, else what ended
	// it.
	Closed(c *Conn, err error)
}

// What other goroutines ask of a conn's loop, as bits of Conn.asked.
const (
	askFlush = 1 << iota
	askPump
	askAbort
	askFinish
	askWithdraw // a conn that is not open yet is not to be opened; always with askAbort
)

// Conn is one stream of bytes, pinned to a loop, over any transport.
//
// Out, LastOut, Direct, SetDeadline and SetDelayOutput are for the loop's goroutine
// alone; every other method may be called from any goroutine. The zero value is
// ready to be opened by Listen, Dial or Attach, once.
type Conn struct {
	loop    *Loop
	handler Handler
	tr      Transport
	local   net.Addr
	remote  net.Addr

	// The loop's alone, but for ended. What has no pointer lies together, to
	// leave no gaps, and what is written often is far from mu and what follows:
	// senders and the loop would take the cache line from each other.
	slot    int32 // place in loop.conns
	due     int32 // the deadline, in ticks; 0: none
	slotDue int32 // the slot of the wheel that the conn is in; 0: none
	flags   connFlags
	state   connState
	shut    bool    // no more is queued; guarded by mu
	out     *Buffer // what callbacks have written since the last flush
	held    int     // bytes in the transport when last looked at
	nextDue *Conn
	prevDue *Conn
	polled

	mu       sync.Mutex
	side     queue        // what was queued since the last flush
	buffered atomic.Int64 // bytes on the loop's side: held, and what merge has taken since
	strain   atomic.Pointer[strain]
	waits    atomic.Bool   // side holds something
	asked    atomic.Uint32 // of the loop
}

// strain is what only a conn has that is slow, or on its way out.
type strain struct {
	reason  error         // of Abort; under mu, like
	grace   time.Duration // of Finish, and
	waiters waiters

	// The loop's alone.
	drained bool          // Drain was called
	unsent  int           // bytes that waited when the deadline of an ending conn was last set
	since   time.Duration // when above began, on the loop's clock
	moved   time.Duration // when the other side last took something of what waits
	counted int           // memory in the transport, as much as is in the reactor's total
	lost    Unsent        // what was accepted and cannot leave any more
}

// strained makes the conn's strain if it has none yet.
func (c *Conn) strained() *strain {
	if s := c.strain.Load(); s != nil {
		return s
	}
	c.strain.CompareAndSwap(nil, new(strain))
	return c.strain.Load()
}

// Loop is the loop that the conn is pinned to, nil before it is opened.
func (c *Conn) Loop() *Loop { return c.loop }

// LocalAddr is this side's address. It stays after the end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other side's address. It stays after the end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// ask has the loop look at the conn.
func (c *Conn) ask(bit uint32) {
	if c.asked.Or(bit) == 0 && c.loop != nil { // else start answers
		c.loop.look(c)
	}
}

// answer does what was asked for.
func (c *Conn) answer() {
	if c.state == unopened {
		return // start answers
	}
	bits := c.asked.Swap(0)
	if c.state == closed {
		return
	}
	if bits&askFlush != 0 {
		c.touch()
	}
	if bits&askPump != 0 {
		c.loop.enqueue(c)
	}
	if bits&askFinish != 0 && c.state == open {
		c.finish()
	}
	if bits&askAbort != 0 {
		s := c.strained()
		c.mu.Lock()
		err := s.reason
		c.mu.Unlock()
		c.kill(err)
	}
}

// start opens the conn over its transport.
func (c *Conn) start() {
	l := c.loop
	switch {
	case l.closing:
		c.refuse(ErrClosed)
		return
	case c.asked.Load()&askWithdraw != 0: // its caller knows
		c.refuse(nil)
		return
	}
	c.slot = int32(len(l.conns))
	l.conns = append(l.conns, c)
	l.wheel.start(l)
	c.open()
	c.answer()
	if l.r.draining.Load() {
		c.drain()
	}
}

// refuse ends a conn that is not opened; its handler is told err, unless that is
// nil.
func (c *Conn) refuse(err error) {
	c.become(closed)
	c.never()
	defer c.loop.r.forget()
	defer c.hangUp()
	if err != nil {
		c.loop.call(nil, func() { notOpened(c, c.handler, err) })
	}
}

func (c *Conn) open() {
	c.loop.call(c, func() {
		if w, ok := c.handler.(Wrapper); ok {
			c.wrap(w)
		}
		c.tr.Open(c.sink())
		if c.state == unopened {
			c.become(open)
		}
		c.handler.Opened(c)
	})
}

// never takes back what was queued for a conn that will not be opened.
func (c *Conn) never() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	c.endWaits()
	c.grow(c.side.counted(), 0)
	c.side.clear(&c.loop.r.pool)
}

func (c *Conn) drain() {
	if c.state != open || c.ending() || c.strained().drained {
		return
	}
	c.strained().drained = true
	c.loop.call(c, func() { c.handler.Drain(c) })
}

// pump gives the conn a share of a turn, and of another one if input is left.
func (c *Conn) pump() {
	if c.tr.Pump() {
		c.loop.enqueueLater(c)
	}
	if c.flags.has(inLookout) {
		c.relieved()
	}
}
