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
	// for Config.SoftTime is ended with ErrSlowConsumer.
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

// phase is how far a conn is on its way.
type phase uint8

const (
	fresh     phase = iota // not open yet
	open                   // takes and gives
	finishing              // gives what waits, then says so; takes until the other side closes
	lingering              // said so; waits for the other side to close
	closed
)

// What other goroutines ask of a conn's loop, as bits of Conn.asked.
const (
	askFlush = 1 << iota
	askPump
	askAbort
	askFinish
)

// Conn is one stream of bytes, pinned to a loop, over any transport.
//
// Out, LastOut, SetDeadline and SetHoldBack are for the loop's goroutine alone;
// every other method may be called from any goroutine. The zero value is ready to be opened by Listen, Dial or
// Attach, once.
type Conn struct {
	loop    *Loop
	handler Handler
	tr      Transport
	local   net.Addr
	remote  net.Addr

	// The loop's alone, but for ended. What has no pointer lies together, to
	// leave no gaps, and what is written often is far from mu and what follows:
	// senders and the loop would take the cache line from each other.
	slot      int32 // place in loop.conns
	due       int32 // the deadline, in ticks; 0: none
	slotDue   int32 // the slot of the wheel that the conn is in; 0: none
	phase     phase
	dirty     bool    // in loop.dirty
	queued    bool    // in loop.ready
	congested bool    // in loop.congested
	above     bool    // Pressure was told so
	drained   bool    // Drain was called
	holdBack  bool    // output stays here while the transport holds some
	ended     bool    // no more is queued; under mu
	writing   bool    // writeAll is under way
	enrolled  bool    // of a socket, as the next two
	inGnet    bool    // gnet is being called: what it reports meanwhile is no news
	over      bool    // the end was delivered, or is not wanted
	out       *Buffer // what callbacks have written since the last flush
	held      int     // bytes in the transport when last looked at, as many as are in the reactor's total
	nextDue   *Conn
	prevDue   *Conn
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
	reason error         // of Abort; under mu, like
	grace  time.Duration // of Finish

	// The loop's alone.
	unsent int           // bytes that waited when the deadline of an ending conn was last set
	since  time.Duration // when above began, on the loop's clock
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

// Out is the buffer for output: append to its B. The loop sends it at the end
// of the callback, in one write for all that was appended. It is valid until
// the callback returns or Queue is called. Nil when the conn has ended, or when
// too much waits for it; Queue tells which.
//
// On the loop only.
func (c *Conn) Out() *Buffer {
	if out := c.out; !debugBuild && out != nil && c.phase == open && !c.waits.Load() &&
		len(out.B)+c.held <= c.loop.r.cfg.MaxPending {
		return out // it is not the callback's first
	}
	out := c.LastOut()
	if out == nil || len(out.B)+c.held <= c.loop.r.cfg.MaxPending {
		return out
	}
	if c.holdBack {
		c.retreat()
	}
	return nil
}

// LastOut is Out for a last word: it is there however much waits. What is
// written to it is the caller's to bound. On the loop only.
func (c *Conn) LastOut() *Buffer {
	c.loop.mustBeHere("Conn.Out")
	if c.phase != open && c.phase != fresh {
		return nil
	}
	if c.waits.Load() {
		c.merge()
	}
	if c.out == nil {
		c.out = c.loop.buffers.Get()
	}
	c.touch()
	return c.out
}

// Queue copies b behind all that was written or queued so far, whatever
// goroutine did it. It never blocks. An error means that nothing was queued:
// ErrClosed, or ErrBackpressure when more than Config.MaxPending would wait, or
// when Config.MaxTotalPending does and this conn has more than its part of it.
func (c *Conn) Queue(b []byte) error { return c.QueueParts(b, nil) }

// QueueParts is Queue for head and body, with nothing between the two.
func (c *Conn) QueueParts(head, body []byte) error {
	if c.loop == nil { // never brought to a reactor
		return ErrClosed
	}
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return ErrClosed
	}
	n := len(head) + len(body)
	queued := c.side.size()
	if c.loop.r.tooMuch(int(c.buffered.Load())+queued, n) {
		c.mu.Unlock()
		return ErrBackpressure
	}
	c.grow(queued, queued+n)
	c.side.add(&c.loop.r.pool, head, body)
	first := !c.waits.Load()
	if first {
		c.waits.Store(true)
	}
	c.mu.Unlock()
	if first {
		c.ask(askFlush)
	}
	return nil
}

// grow counts what waits here towards the reactor's total, in steps: a shared
// counter is too dear to touch with every packet.
func (c *Conn) grow(before, after int) {
	const step = 16 // 64 KiB
	if d := after>>step - before>>step; d != 0 {
		c.loop.r.total.Add(int64(d) << step)
	}
}

// SetHoldBack has output wait here, where Trim reaches it, while the transport
// has not moved on what it was given before. The other side then gets at most
// what it takes in 5 ms at a time. On the loop only.
func (c *Conn) SetHoldBack(on bool) {
	c.loop.mustBeHere("Conn.SetHoldBack")
	c.holdBack = on
}

// Trim offers what was queued and has not been handed on to keep, which
// returns what of it is to stay. Any goroutine may call it.
func (c *Conn) Trim(keep func(b []byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.side.join(&c.loop.r.pool)
	if all == nil {
		return
	}
	before := len(all.B)
	all.B = keep(all.B)
	c.grow(before, len(all.B))
}

// Pending is the number of bytes written or queued that have not been moved on
// by the transport, as far as they are known off the loop. After the end it
// is what was lost.
func (c *Conn) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.buffered.Load()) + c.side.size()
}

// Abort ends the conn at once, for the reason err, which Closed is told. What
// waits is lost.
func (c *Conn) Abort(err error) {
	s := c.strained()
	c.mu.Lock()
	if s.reason == nil {
		s.reason = err
	}
	c.mu.Unlock()
	c.ask(askAbort)
}

// Finish ends the conn in order: what waits is sent, the other side is told
// that no more comes, and then has what is left of grace to close. Grace begins
// anew as long as the other side takes what waits, 4 KiB at least each time.
// Input is dropped from now on.
func (c *Conn) Finish(grace time.Duration) {
	s := c.strained()
	c.mu.Lock()
	s.grace = grace
	c.mu.Unlock()
	c.ask(askFinish)
}

// ask has the loop look at the conn.
func (c *Conn) ask(bit uint32) {
	if c.asked.Or(bit) == 0 && c.loop != nil { // else start answers
		c.loop.look(c)
	}
}

// Wake implements Sink.
func (c *Conn) Wake(on *Loop) {
	if on == c.loop {
		c.loop.enqueue(c)
		return
	}
	c.ask(askPump)
}

// touch has the conn flushed at the end of the callback.
func (c *Conn) touch() {
	if !c.dirty {
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// answer does what was asked for.
func (c *Conn) answer() {
	if c.phase == fresh {
		return // start answers
	}
	bits := c.asked.Swap(0)
	if c.phase == closed {
		return
	}
	if bits&askFlush != 0 {
		c.touch()
	}
	if bits&askPump != 0 {
		c.loop.enqueue(c)
	}
	if bits&askFinish != 0 && c.phase == open {
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
	if l.closing {
		c.refuse()
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

// refuse ends a conn that came too late to be opened.
func (c *Conn) refuse() {
	c.phase = closed
	c.never()
	defer c.loop.r.forget()
	defer c.hangUp()
	returned := false
	defer c.loop.caught(nil, &returned)
	notOpened(c, c.handler, ErrClosed)
	returned = true
}

func (c *Conn) open() {
	returned := false
	defer c.loop.caught(c, &returned)
	if w, ok := c.handler.(Wrapper); ok {
		c.wrap(w)
	}
	c.tr.Open(c)
	if c.phase == fresh {
		c.phase = open
	}
	c.handler.Opened(c)
	returned = true
}

// never takes back what was queued for a conn that will not be opened.
func (c *Conn) never() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.grow(c.side.size(), 0)
	c.side.clear(&c.loop.r.pool)
}

func (c *Conn) drain() {
	if c.phase != open || c.drained || c.ending() {
		return
	}
	c.drained = true
	returned := false
	defer c.loop.caught(c, &returned)
	c.handler.Drain(c)
	returned = true
}

// Received implements Sink.
func (c *Conn) Received(b []byte) (n int) {
	if c.phase != open || c.ending() {
		if c.phase == fresh { // Opened is the first event
			c.loop.enqueue(c)
			return 0
		}
		return len(b) // dropped from the moment that the end is asked for
	}
	n = len(b) // what a panic leaves behind is not read
	returned := false
	defer c.loop.caught(c, &returned)
	if debugBuild {
		b = lend(b)
		defer poison(b)
	}
	n = min(max(c.handler.Received(c, b), 0), len(b))
	returned = true
	return n
}

// ending reports whether the end has been asked for and not been looked at.
func (c *Conn) ending() bool { return c.asked.Load()&(askAbort|askFinish) != 0 }

// Ended implements Sink.
func (c *Conn) Ended(err error) {
	if c.phase == closed {
		return
	}
	if c.phase == lingering || c.phase == finishing && c.held == 0 && c.pending() == 0 {
		err = nil
	}
	c.bury(err)
}

// kill ends the conn from this side.
func (c *Conn) kill(err error) {
	if c.phase == closed {
		return
	}
	if !c.writing { // else there would be a hole in it
		c.flush() // what was written before the end has its one chance
	}
	if c.phase == closed {
		return
	}
	c.hold(c.tr.Buffered())
	c.bury(err)
}

// hangUp closes the transport. The conn has ended by then, so that one with a
// fault there keeps nothing from its end.
func (c *Conn) hangUp() {
	returned := false
	defer c.loop.caught(nil, &returned)
	c.tr.Close()
	returned = true
}

// bury takes the conn off the loop, closes its transport, and reports its end
// behind the callback that is under way.
func (c *Conn) bury(err error) {
	l := c.loop
	c.phase = closed
	l.wheel.take(c)
	last := len(l.conns) - 1
	l.conns[c.slot] = l.conns[last]
	l.conns[c.slot].slot = c.slot
	l.conns[last] = nil
	l.conns = l.conns[:last]

	c.mu.Lock()
	c.ended = true
	lost := c.side.size()
	c.grow(lost, 0)
	c.side.clear(&l.r.pool)
	c.mu.Unlock()
	if c.out != nil {
		lost += len(c.out.B)
		l.buffers.Put(c.out)
		c.out = nil
	}
	if c.writing {
		lost += l.rest.size()
		l.rest.clear(&l.r.pool)
	}
	l.r.total.Add(int64(-c.held))
	c.buffered.Store(int64(c.held + lost))
	l.lost = append(l.lost, burial{c, err})
	c.hangUp()
}

// taken is what was queued; the caller moves it on.
func (c *Conn) taken() (q queue) {
	c.mu.Lock()
	q, c.side = c.side, queue{}
	c.waits.Store(false)
	n := q.size()
	c.grow(n, 0)
	c.buffered.Add(int64(n))
	c.mu.Unlock()
	return q
}

// merge moves what was queued behind what was written.
func (c *Conn) merge() {
	q := c.taken()
	if c.out == nil {
		c.out = q.join(&c.loop.r.pool)
		return
	}
	c.append(&q)
}

// append puts q behind what was written.
func (c *Conn) append(q *queue) {
	for b := q.take(); b != nil; b = q.take() {
		c.out.B = append(c.out.B, b.B...)
		c.loop.buffers.Put(b)
	}
}

// retreat takes merge back: what was written and is held back waits in front of
// what was queued, where Trim reaches it and Queue counts it.
func (c *Conn) retreat() {
	out := c.out
	if out == nil {
		return
	}
	c.out = nil
	c.mu.Lock()
	queued := c.side.size()
	c.side.prepend(out)
	c.waits.Store(true)
	c.grow(queued, c.side.size())
	c.mu.Unlock()
	c.hold(c.tr.Buffered())
}

// pending is Pending, exactly, on the loop.
func (c *Conn) pending() int {
	n := c.tr.Buffered()
	if c.out != nil {
		n += len(c.out.B)
	}
	if c.waits.Load() {
		c.mu.Lock()
		n += c.side.size()
		c.mu.Unlock()
	}
	return n
}

// flush hands what waits to the transport.
func (c *Conn) flush() {
	c.dirty = false
	if c.phase == closed {
		return
	}
	if c.holdBack && c.phase == open && c.tr.Buffered() > 0 {
		c.retreat()
		return
	}
	if !c.writeAll() {
		return
	}
	if c.phase == finishing && c.tr.Buffered() == 0 {
		c.finWrite()
	}
}

// unload flushes between two shares of input when the answers to the first fill
// a chunk: a buffer that grows larger is none that the pool likes to keep.
func (c *Conn) unload() {
	if c.out != nil && len(c.out.B) >= chunk {
		c.flush()
	}
}

// writeAll writes what was written and then what was queued, in one buffer if
// that is no more than a chunk. It reports whether the conn is alive.
func (c *Conn) writeAll() bool {
	rest := &c.loop.rest
	if c.waits.Load() {
		if *rest = c.taken(); c.out != nil && len(c.out.B)+rest.size() <= chunk {
			c.append(rest)
		}
	}
	c.writing = true
	alive := c.writeOut(rest)
	c.writing = false
	return alive
}

func (c *Conn) writeOut(rest *queue) bool {
	if b := c.out; b != nil {
		c.out = nil
		if !c.write(b) {
			return false
		}
	}
	for b := rest.take(); b != nil; b = rest.take() {
		if !c.write(b) {
			return false
		}
	}
	return true
}

// write hands b to the transport; it reports whether the conn is alive.
func (c *Conn) write(b *Buffer) bool {
	if len(b.B) == 0 {
		c.loop.buffers.Put(b)
		return true
	}
	err := c.tr.Write(b)
	if err != nil && c.phase != closed {
		// The transport reports its end itself where it can; what it cannot
		// report is an end that it was in before.
		c.bury(err)
	}
	if c.phase == closed {
		return false
	}
	c.measure()
	return c.phase != closed
}

// measure looks at what the transport could not move on.
func (c *Conn) measure() {
	n := c.tr.Buffered()
	c.hold(n)
	if n == 0 && !c.above {
		return
	}
	c.weigh()
	if n > 0 && !c.congested && c.phase != closed {
		c.congested = true
		c.loop.congest(c)
	}
}

// hold notes how much the transport holds.
func (c *Conn) hold(n int) {
	if c.held != n {
		c.loop.r.total.Add(int64(n - c.held))
		c.held = n
	}
	if c.writing {
		n += c.loop.rest.size() // no longer queued, and not the transport's yet
	}
	if c.buffered.Load() != int64(n) {
		c.buffered.Store(int64(n))
	}
}

// relieved looks again at a congested conn; it reports whether all has moved
// on.
func (c *Conn) relieved() bool {
	if c.phase == closed {
		return true
	}
	c.hold(c.tr.Buffered())
	c.weigh()
	if c.phase == closed {
		return true
	}
	if c.held > 0 {
		return false
	}
	if c.phase == finishing || c.out != nil || c.waits.Load() {
		c.touch()
	}
	return true
}

// weigh compares what waits with the soft bound.
func (c *Conn) weigh() {
	cfg := &c.loop.r.cfg
	n := c.held
	if c.holdBack {
		n = c.pending()
	}
	switch {
	case !c.above && n > cfg.SoftPending:
		c.above, c.strained().since = true, c.loop.r.clock.now()
		c.press()
	case c.above && n <= cfg.SoftPending/2:
		c.above = false
		c.press()
	case c.above && c.loop.r.clock.now()-c.strained().since > cfg.SoftTime && c.phase == open:
		c.kill(ErrSlowConsumer)
	}
}

func (c *Conn) press() {
	if c.phase == open && !c.ending() {
		returned := false
		defer c.loop.caught(c, &returned)
		c.handler.Pressure(c, c.above)
		returned = true
	}
}

// pump gives the conn a share of a turn; it reports whether input is left.
func (c *Conn) pump() (more bool) {
	more = c.tr.Pump()
	if c.congested {
		c.relieved()
	}
	return more && c.phase != closed
}

func (c *Conn) finish() {
	c.phase = finishing
	c.allow()
	c.touch()
}

// allow gives an ending conn its grace, from now on.
func (c *Conn) allow() {
	s := c.strained()
	c.mu.Lock()
	grace := s.grace
	c.mu.Unlock()
	s.unsent = c.pending()
	c.setDeadline(later(c.loop.Time(), max(grace, 1)))
}

// finWrite ends this side's direction and waits for the other side's.
func (c *Conn) finWrite() {
	s := c.strained()
	c.mu.Lock()
	c.ended = true
	rest, grace := c.waits.Load(), s.grace
	c.mu.Unlock()
	if rest { // queued between the flush and the lock
		c.touch()
		return
	}
	c.phase = lingering
	if grace <= 0 {
		c.overdue()
		return
	}
	if err := c.tr.CloseWrite(); err != nil && c.phase != closed {
		c.bury(err)
	}
}

// leastMove is how much a slow reader must have taken in its grace to be given
// as much again.
const leastMove = 4 << 10

// moves gives an ending conn another grace if the other side takes its output.
func (c *Conn) moves() bool {
	if c.pending() > c.strained().unsent-leastMove {
		return false
	}
	c.allow()
	return true
}

func (c *Conn) overdue() {
	if c.phase == closed {
		return
	}
	var err error
	if c.phase == finishing {
		c.hold(c.tr.Buffered())
		if c.moves() {
			return
		}
		err = ErrFlushTimeout
	}
	c.bury(err)
}
