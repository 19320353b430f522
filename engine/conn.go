package engine

// The conn: what it consists of, and what other goroutines ask of it.

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is one stream of bytes, pinned to a loop, over any transport.
//
// Out, LastOut, Commit, Light, Direct, Flush, Waiting, Keep, SetDeadline and
// SetDelayOutput are for the loop's goroutine only; every other method may be called
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
	askPause    // readPaused has changed

	// readPaused is no request but what PauseRead and ResumeRead were last asked for. It
	// stays until the other one is called.
	readPaused
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
	shared     int           // bytes of shared payloads in the backlog, which count themselves
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
	if c.requests.Or(bit)&^readPaused == 0 && c.loop != nil {
		c.loop.inbox.request(c)
	}
}

// answer does what was requested.
func (c *Conn) answer() {
	if c.state == unopened {
		return // start calls answer again
	}
	bits := c.requests.And(readPaused)
	if c.state == closed {
		return
	}
	if bits&askFlush != 0 {
		c.markDirty()
	}
	if bits&askPump != 0 {
		c.loop.ready.add(c)
	}
	if bits&askPause != 0 {
		c.applyPause()
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

func (c *Conn) drain() {
	if c.state != open || c.isEnding() || c.needSlow().drained {
		return
	}
	c.needSlow().drained = true
	if c.loop.tap != nil {
		c.loop.tap.Drained(c)
	}
	c.call(func() { c.handler.Drain(c) })
}

// pump gives the conn a share of a turn, and of another one if input is left.
func (c *Conn) pump() {
	if c.tr.Pump() && !c.wantsPause() {
		c.loop.ready.addLater(c)
	}
	if c.flags.has(inLookout) {
		c.recheckBacklog()
	}
}
