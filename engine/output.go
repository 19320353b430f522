package engine

import "bytes"

// Out is the buffer for output: append a message to its B, and say so to Commit. The
// loop sends it behind the callback, in one write for all that was appended. It is
// valid until the callback returns or until Out, Commit, Direct or Queue is called.
// Nil when the conn has ended, when there is no room, or when it waits where Discard
// reaches it: Queue then tells which, or takes it.
//
// On the loop only.
func (c *Conn) Out() *Buffer {
	out := c.out
	if debugBuild || c.phase != open || c.waits.Load() {
		if c.heldBack() {
			return nil
		}
		if out = c.LastOut(); out == nil {
			return nil
		}
	} else if out == nil {
		out = c.begin()
	}
	if c.held == 0 && len(out.B) < c.loop.commitFrom || c.mayWrite(len(out.B)) {
		return out
	}
	return nil
}

// mayWrite reports whether there is room for anything behind n bytes in Out's buffer.
func (c *Conn) mayWrite(n int) bool {
	if c.heldBack() {
		return false
	}
	return c.loop.r.room(c.held+n, 1) == nil
}

// heldBack reports whether output is held back, and has what was written already wait in
// front of what was queued.
func (c *Conn) heldBack() bool {
	if !c.holdBack || c.held == 0 && !c.waits.Load() || c.phase != open {
		return false
	}
	c.retreat()
	return true
}

// Light reports whether Commit has nothing to do: little was written, and nothing waits.
// On the loop only.
func (c *Conn) Light() bool {
	return c.held == 0 && c.out != nil && len(c.out.B) < c.loop.commitFrom
}

// Commit says that the last n bytes of Out's buffer are a message. An error means that
// they were taken out again, and is Queue's; refused is the message if there is no room
// for it now, until Out is called again. Where much has been written, Commit sends it: a
// long callback does not pile up what the other side would take.
//
// On the loop only.
func (c *Conn) Commit(n int) (refused []byte, err error) {
	if c.Light() {
		return nil, nil
	}
	c.loop.mustBeHere("Conn.Commit")
	out, r := c.out, c.loop.r
	if out == nil || n > len(out.B) {
		return nil, nil
	}
	before := len(out.B) - n
	if c.held > 0 && r.room(c.held+before, n) != nil && !c.moveOn() {
		return nil, ErrClosed
	}
	if c.held+len(out.B) > r.cfg.MaxPending && n <= r.cfg.MaxPending && before > 0 {
		return c.unloadBefore(n)
	}
	if err := r.room(c.held+before, n); err != nil {
		refused, out.B = out.B[before:], out.B[:before]
		return refused, err
	}
	if len(out.B) >= unloadFrom {
		c.unloadNow()
	}
	return nil, nil
}

// unloadBefore is Commit where the message has room only if what was written before it
// leaves.
func (c *Conn) unloadBefore(n int) (refused []byte, err error) {
	out, last := c.out, c.loop.buffers.Get()
	before := len(out.B) - n
	last.B = append(last.B, out.B[before:]...)
	out.B = out.B[:before]
	c.unloadNow()
	switch {
	case c.phase != open:
		c.loop.buffers.Put(last)
		return nil, ErrClosed
	case c.heldBack():
		defer c.loop.buffers.Put(last)
		if err := c.Queue(last.B); err != nil {
			return bytes.Clone(last.B), err
		}
		return nil, nil
	}
	c.out = last
	c.touch()
	return c.Commit(n)
}

// Unload sends what was written and queued, in the middle of a callback, as far as the
// other side takes it: there may be room then. Out's buffer must not be in use. On the
// loop only.
func (c *Conn) Unload() {
	c.loop.mustBeHere("Conn.Unload")
	if c.phase == open && !c.writing {
		c.unloadNow()
	}
}

// unloadNow is Unload where that may be called.
func (c *Conn) unloadNow() {
	if c.held == 0 || c.moveOn() {
		c.flush()
	}
}

// moveOn has the transport send what it can send. It reports whether the conn is alive.
func (c *Conn) moveOn() bool {
	if m, ok := c.tr.(mover); ok {
		m.move()
		if c.phase != closed {
			c.hold(c.tr.Buffered(), 0)
		}
	}
	return c.phase != closed
}

// LastOut is Out for a last word: it is there however much waits. What is
// written to it is the caller's to bound. On the loop only.
func (c *Conn) LastOut() *Buffer {
	c.loop.mustBeHere("Conn.Out")
	if c.phase != open && c.phase != fresh {
		return nil
	}
	if c.waits.Load() {
		if c.merge(); c.phase == closed {
			return nil
		}
	}
	if c.out == nil {
		return c.begin()
	}
	c.touch()
	return c.out
}

const (
	// unloadFrom is how many bytes of output leave before the callback is over.
	// Two answers of 64 KiB cost less in one write than in two; more would leave
	// the CPU's cache before they are written.
	unloadFrom = 2 * chunk

	// DirectLeast is how many bytes there must be for Direct: a system call of
	// their own costs as much as to copy 16 KiB.
	DirectLeast = chunk / 4
)

// directWriter is a transport that can take output from where it is.
type directWriter interface {
	// writeTwo takes out over, and b behind it, of which it copies what does not move
	// on at once. False means that nothing was done.
	writeTwo(out *Buffer, b []byte) bool
}

// Direct is for b that is to be appended to what Out returned, where it need not
// be copied: the socket takes it at once, behind what was written before. What it
// does not take is copied. It ends a message, and needs no Commit. False means that
// nothing was done, since to append it is as good: b is short, is less than 128 KiB
// with what was written, or the transport is no socket that takes something.
//
// On the loop only.
func (c *Conn) Direct(b []byte) bool {
	c.loop.mustBeHere("Conn.Direct")
	out := c.out
	if len(b) < DirectLeast || out == nil || len(out.B) == 0 || len(out.B)+len(b) < unloadFrom || c.phase != open || c.holdBack || c.held > 0 {
		return false
	}
	if len(out.B)+len(b) > c.loop.r.cfg.MaxPending {
		return false
	}
	w, ok := c.tr.(directWriter)
	if !ok || !w.writeTwo(out, b) {
		return false
	}
	c.out = nil
	if n := c.tr.Buffered(); n > 0 {
		c.measure(n, n)
	}
	return true
}

// begin has a callback's first output in a buffer, to be flushed.
func (c *Conn) begin() *Buffer {
	c.out = c.loop.buffers.Get()
	c.touch()
	return c.out
}

// Queue copies b, a message, behind all that was written or queued so far, whatever
// goroutine did it. It never blocks. An error means that nothing was queued:
// ErrClosed; a SizeError for more than Config.MaxPending, which will never fit; or
// ErrBackpressure when more than that would wait, or when the conns together have
// Config.MaxTotalPending waiting and this one has more than its part of it.
//
// Nil means that the bytes will be given to the transport unless the conn ends before:
// Unsent tells.
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
	if err := c.loop.r.room(int(c.buffered.Load())+c.side.size(), len(head)+len(body)); err != nil {
		c.mu.Unlock()
		return err
	}
	c.queue(head, body)
	c.unlockAndFlush()
	return nil
}

// unlockAndFlush has the loop flush what was queued. It unlocks c.mu.
func (c *Conn) unlockAndFlush() {
	first := !c.waits.Load()
	if first {
		c.waits.Store(true)
	}
	c.mu.Unlock()
	if first {
		c.ask(askFlush)
	}
}

// queue adds a message to the side. c.mu is held.
func (c *Conn) queue(head, body []byte) {
	before := c.side.counted()
	c.side.add(&c.loop.r.pool, c.handler, head, body)
	c.grow(before, c.side.counted())
}

// grow counts the memory of what is queued towards the reactor's total.
func (c *Conn) grow(before, after int) {
	if before != after {
		c.loop.r.total.Add(int64(after - before))
	}
}

// SetHoldBack has output wait here, where Discard reaches it, while the transport
// has not moved on what it was given before: it gets a buffer of 64 KiB at a time, or
// a message if that is longer. On the loop only.
func (c *Conn) SetHoldBack(on bool) {
	c.loop.mustBeHere("Conn.SetHoldBack")
	c.holdBack = on
}

// Discard makes room for a message of n bytes, if it can, at the expense of the oldest
// that may go of those that were queued and not handed on. It returns how many it took
// out. They go in batches, of a buffer of 64 KiB, and each message is offered once: one
// that may not go stays for good. The handler is a Framer. Any goroutine may call it;
// may is called under the conn's lock.
func (c *Conn) Discard(n int, may func(message []byte) bool) (messages int) {
	f := framer(c.handler)
	if f == nil {
		return 0
	}
	defer c.admit()
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.side.counted()
	over := int(c.buffered.Load()) + c.side.size() + n - c.loop.r.cfg.MaxPending
	messages = c.side.discard(&c.loop.r.pool, f, max(n, over), may)
	c.grow(before, c.side.counted())
	return messages
}

// Pending is the number of bytes written or queued that have not been moved on
// by the transport, as far as they are known off the loop. After the end it
// is Unsent's bytes.
func (c *Conn) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.buffered.Load()) + c.side.size()
}

// Unsent is output that was accepted and has not left for the transport's other side.
type Unsent struct {
	Messages int // whole or in part; 0 unless the handler is a Framer, and without those that a Wrapper's transport has
	Bytes    int
}

func (u *Unsent) add(v Unsent) {
	u.Messages += v.Messages
	u.Bytes += v.Bytes
}

// Unsent is what was accepted and the end has kept from leaving: it never got to the
// socket. What did may still not have arrived. It is known when Closed is called; any
// goroutine may call it from then on.
func (c *Conn) Unsent() Unsent {
	s := c.strain.Load()
	if s == nil {
		return Unsent{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.lost
}

// Waiting is what has been accepted and has not left so far. On the loop only.
func (c *Conn) Waiting() (u Unsent) {
	c.loop.mustBeHere("Conn.Waiting")
	if c.phase == fresh || c.phase == closed {
		return c.Unsent()
	}
	f := framer(c.handler)
	u.Bytes = c.unflushed()
	if s, ok := c.tr.(*stream); ok { // which drops it at any time, when nobody takes it any more
		u.add(s.unsent())
	} else {
		u.Bytes += c.tr.Buffered()
		if k, ok := c.tr.(Keeper); ok {
			u.Messages = k.Messages(f)
		}
	}
	if c.out != nil {
		u.Messages += messagesIn(f, c.out.B)
	}
	if c.writing {
		u.Bytes += c.loop.rest.size()
		u.Messages += c.loop.rest.messages(f)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	u.Messages += c.side.messages(f)
	return u
}

// lose notes what cannot leave any more.
func (c *Conn) lose(u Unsent) {
	if u.Bytes == 0 {
		return
	}
	s := c.strained()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.lost.add(u)
	if c.phase == closed {
		c.buffered.Store(int64(s.lost.Bytes))
	}
}

// swallow takes b over and drops it: the socket is gone.
func (c *Conn) swallow(f Framer, b *Buffer) {
	c.lose(Unsent{messagesIn(f, b.B), len(b.B)})
	c.loop.buffers.Put(b)
}

// pending is Pending, exactly, on the loop.
func (c *Conn) pending() int { return c.tr.Buffered() + c.unflushed() }

// unflushed is how much of that the transport has not been given.
func (c *Conn) unflushed() (n int) {
	if c.out != nil {
		n = len(c.out.B)
	}
	if c.waits.Load() {
		c.mu.Lock()
		n += c.side.size()
		c.mu.Unlock()
	}
	return n
}

// touch has the conn flushed behind the callback.
func (c *Conn) touch() {
	if !c.dirty {
		c.dirty = true
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// flush hands what waits to the transport.
func (c *Conn) flush() {
	c.dirty = false
	if c.phase == open && !c.holdBack && !c.waits.Load() { // as for most answers
		if b := c.out; b != nil {
			c.out = nil
			c.write(b)
		}
		return
	}
	switch {
	case c.phase == closed:
	case c.holdBack && c.phase == open:
		c.release()
	case c.writeAll() && c.phase == finishing && c.tr.Buffered() == 0:
		c.finWrite()
	}
}

// unload flushes behind a share of input when the answers are that many: a buffer
// that grows larger is none that the pool likes to keep.
func (c *Conn) unload() {
	if c.out != nil && len(c.out.B) >= unloadFrom {
		c.flush()
	}
}

// writeAll writes what was written and then what was queued, in one buffer if
// that is no more than a chunk. It reports whether the conn is alive.
func (c *Conn) writeAll() bool {
	b, rest := c.out, &c.loop.rest
	if *rest = c.taken(); b != nil && len(b.B)+rest.size() <= chunk {
		c.append(rest)
	}
	if c.out = nil; b == nil {
		b = rest.take()
	}
	alive := true
	for c.writing = true; alive && b != nil; b = rest.take() {
		alive = c.write(b)
	}
	c.writing = false
	return alive
}

// release is flush for output that is held back.
func (c *Conn) release() {
	defer c.admit()
	if c.tr.Buffered() > 0 {
		c.retreat()
		return
	}
	if b := c.out; b != nil {
		c.out = nil
		c.write(b)
	}
	for c.phase == open && c.tr.Buffered() == 0 {
		b := c.takeOne()
		if b == nil {
			return
		}
		c.write(b)
	}
}

// takeOne takes the first buffer of what was queued, or returns nil.
func (c *Conn) takeOne() (b *Buffer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.side.counted()
	b = c.side.take()
	c.grow(before, c.side.counted())
	c.waits.Store(c.side.last != nil)
	return b
}

// write hands b to the transport; it reports whether the conn is alive.
func (c *Conn) write(b *Buffer) bool {
	written := len(b.B)
	if written == 0 {
		c.loop.buffers.Put(b)
		return true
	}
	if err := c.tr.Write(b); err != nil && c.phase != closed {
		// The transport reports its end itself where it can; what it cannot
		// report is an end that it was in before.
		c.bury(err)
	}
	if c.phase == closed {
		return false
	}
	if n := c.tr.Buffered(); n|c.held != 0 || c.above || c.buffered.Load() != 0 {
		c.measure(n, written)
	}
	return c.phase != closed
}

// taken is what was queued; the caller moves it on.
func (c *Conn) taken() (q queue) {
	c.mu.Lock()
	q, c.side = c.side, queue{}
	c.waits.Store(false)
	c.grow(q.counted(), 0)
	c.buffered.Add(int64(q.size()))
	c.mu.Unlock()
	return q
}

// merge moves what was queued behind what was written: into one buffer if it is no
// more than a share of output, else it is written.
func (c *Conn) merge() {
	if c.phase == open && !c.writing && !c.holdBack && c.sideSize() > unloadFrom {
		c.flush()
		return
	}
	q := c.taken()
	if c.out == nil {
		c.out = q.take()
	}
	c.append(&q)
}

// sideSize is how much is queued.
func (c *Conn) sideSize() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.side.size()
}

// append puts q behind what was written.
func (c *Conn) append(q *queue) {
	for b := q.take(); b != nil; b = q.take() {
		c.out.B = append(c.out.B, b.B...)
		c.loop.buffers.Put(b)
	}
}

// retreat takes merge back: what was written and is held back waits in front of
// what was queued, where Discard reaches it and Queue counts it.
func (c *Conn) retreat() {
	out := c.out
	if out == nil {
		return
	}
	c.out = nil
	if len(out.B) == 0 {
		c.loop.buffers.Put(out)
		return
	}
	c.mu.Lock()
	before := c.side.counted()
	c.side.prepend(framer(c.handler), out)
	c.waits.Store(true)
	c.grow(before, c.side.counted())
	c.mu.Unlock()
	c.hold(c.tr.Buffered(), 0)
}
