package engine

// The conn: what a protocol implements, what a conn consists of, and how it is opened.

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

// Conn is one stream of bytes, pinned to a loop, over any transport.
//
// Out, LastOut, Commit, Light, Direct, Flush, Waiting, Keep, SetDeadline and
// SetDelayOutput are for the loop's goroutine alone; every other method may be called
// from any goroutine. The zero value is ready to be opened by Listen, Dial or Attach,
// once.
//
// Programs have many that are idle, so its size counts: fields without pointers lie
// together, to leave no gaps.
type Conn struct {
	// Set once, before the conn is opened.
	loop    *Loop
	handler Handler
	tr      Transport // a Wrapper may put another one around it in Opened
	local   net.Addr
	remote  net.Addr

	// Loop only, but for shut. What the loop writes often is far from mu and what
	// follows: senders and the loop would take the cache line from each other.
	slot     int32 // place in loop.conns
	deadline int32 // in ticks; 0: none
	wheelAt  int32 // the slot of the deadline wheel that the conn is in; 0: none
	flags    connFlags
	state    connState
	shut     bool    // no more is queued; guarded by mu
	out      *Buffer // what callbacks have written since the last flush
	backlog  int     // bytes that the transport had not sent when it was last asked
	nextDue  *Conn   // in the slot of the wheel
	prevDue  *Conn
	polled

	// Any goroutine.
	mu        sync.Mutex
	queued    queue        // messages of Queue since the last flush; guarded by mu
	loopBytes atomic.Int64 // bytes that wait and are not in queued: backlog, and what the loop has taken from queued
	slow      atomic.Pointer[slowState]
	hasQueued atomic.Bool   // queued is not empty
	requests  atomic.Uint32 // what other goroutines ask of the loop, as bits
}

// The bits of Conn.requests.
const (
	askFlush = 1 << iota
	askPump
	askAbort
	askFinish
	askWithdraw // a conn that is not open yet is not to be opened; always with askAbort
)

// slowState is what a conn has only when its other side is slow, or when it is ending.
type slowState struct {
	// Guarded by mu.
	reason  error         // of Abort
	grace   time.Duration // of Finish
	waiters waiters
	lost    Unsent // what was accepted and cannot leave any more

	// Loop only.
	drained    bool          // Drain was called
	unsent     int           // bytes that waited when the grace of an ending conn began
	aboveSince time.Duration // when flag toldAbove was set, on the clock of deadlines
	progressAt time.Duration // when the other side last took something of the backlog
	counted    int           // memory of the backlog, as much as is in the reactor's total
}

// needSlow makes the conn's slowState if it has none yet.
func (c *Conn) needSlow() *slowState {
	if s := c.slow.Load(); s != nil {
		return s
	}
	c.slow.CompareAndSwap(nil, new(slowState))
	return c.slow.Load()
}

// Loop is the loop that the conn is pinned to, nil before it is opened.
func (c *Conn) Loop() *Loop { return c.loop }

// LocalAddr is this side's address. It stays after the end.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other side's address. It stays after the end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// request has the loop do what the bit asks for. A conn that is not open does it when it
// is opened.
func (c *Conn) request(bit uint32) {
	if c.requests.Or(bit) == 0 && c.loop != nil {
		c.loop.inbox.request(c)
	}
}

// answer does what was requested.
func (c *Conn) answer() {
	if c.state == unopened {
		return // start calls answer again
	}
	bits := c.requests.Swap(0)
	if c.state == closed {
		return
	}
	if bits&askFlush != 0 {
		c.markDirty()
	}
	if bits&askPump != 0 {
		c.loop.ready.add(c)
	}
	if bits&askFinish != 0 && c.state == open {
		c.beginFinish()
	}
	if bits&askAbort != 0 {
		s := c.needSlow()
		c.mu.Lock()
		err := s.reason
		c.mu.Unlock()
		c.endNow(err)
	}
}

// start opens the conn over its transport.
func (c *Conn) start() {
	l := c.loop
	switch {
	case l.closing.begun:
		c.refuseOpen(ErrClosed)
		return
	case c.requests.Load()&askWithdraw != 0: // its caller knows
		c.refuseOpen(nil)
		return
	}
	c.slot = int32(len(l.conns))
	l.conns = append(l.conns, c)
	l.deadlines.start(l)
	c.open()
	c.answer()
	if l.r.draining.Load() {
		c.drain()
	}
}

// refuseOpen ends a conn that is not opened; its handler is told err, unless that is
// nil.
func (c *Conn) refuseOpen(err error) {
	c.become(closed)
	c.dropQueued()
	defer c.loop.r.releaseConn()
	defer c.closeTransport()
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

// dropQueued drops what was queued for a conn that will not be opened.
func (c *Conn) dropQueued() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	c.endWaits()
	c.grow(c.queued.counted(), 0)
	c.queued.clear(&c.loop.r.pool)
}

func (c *Conn) drain() {
	if c.state != open || c.isEnding() || c.needSlow().drained {
		return
	}
	c.needSlow().drained = true
	c.loop.call(c, func() { c.handler.Drain(c) })
}

// pump gives the conn a share of a turn, and of another one if input is left.
func (c *Conn) pump() {
	if c.tr.Pump() {
		c.loop.ready.addLater(c)
	}
	if c.flags.has(inLookout) {
		c.recheckBacklog()
	}
}
