package engine

// Out is the buffer for output: append to its B. The loop sends it behind the
// callback, in one write for all that was appended, or behind a share of input
// when there are 128 KiB. It is valid until
// the callback returns or Queue is called. Nil when the conn has ended, or when
// too much waits for it; Queue tells which.
//
// On the loop only.
func (c *Conn) Out() *Buffer {
	out := c.out
	if debugBuild || c.phase != open || c.waits.Load() {
		if out = c.LastOut(); out == nil {
			return nil
		}
	} else if out == nil {
		out = c.begin()
	}
	if len(out.B)+c.held <= c.loop.r.cfg.MaxPending {
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

// directWriter is a transport that can take output from where it is. It returns
// how many bytes of a and of b behind it have moved on, and keeps nothing.
type directWriter interface {
	writeTwo(a, b []byte) int
}

// Direct is for b that is to be appended to what Out returned, where it need not
// be copied: the socket takes it at once, behind what was written before. What it
// does not take is copied. False means that nothing was done, since to append it
// is as good: b is short, is less than 128 KiB with what was written, or the
// transport is no socket that takes something.
//
// On the loop only.
func (c *Conn) Direct(b []byte) bool {
	c.loop.mustBeHere("Conn.Direct")
	out := c.out
	if len(b) < DirectLeast || out == nil || len(out.B) == 0 || len(out.B)+len(b) < unloadFrom || c.phase != open || c.holdBack || c.held > 0 {
		return false
	}
	w, ok := c.tr.(directWriter)
	if !ok {
		return false
	}
	n := w.writeTwo(out.B, b)
	if n == 0 {
		return false
	}
	written := min(n, len(out.B))
	out.B = append(out.B[:copy(out.B, out.B[written:])], b[n-written:]...)
	return true
}

// begin has a callback's first output in a buffer, to be flushed.
func (c *Conn) begin() *Buffer {
	c.out = c.loop.buffers.Get()
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
	case c.holdBack && c.phase == open && c.tr.Buffered() > 0:
		c.retreat()
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

// write hands b to the transport; it reports whether the conn is alive.
func (c *Conn) write(b *Buffer) bool {
	if len(b.B) == 0 {
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
		c.measure(n)
	}
	return c.phase != closed
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
