package engine

// Output from the conn's own callbacks, which goes into its write buffer without a lock.

import "bytes"

// Out is the write buffer: append a message to its B, and call Commit. The loop sends all
// that was appended in one write, when the callback is over. The buffer is valid until
// then, or until Out, Commit, Direct or Queue is called. Out is nil when the conn has
// ended, when there is no room, or when output waits in the queue because of
// SetDelayOutput: Queue then returns which it is, or takes the message.
//
// On the loop only.
func (c *Conn) Out() *Buffer {
	out := c.out
	if debugBuild || c.state != open || c.hasQueued.Load() {
		if c.withholdOut() {
			return nil
		}
		if out = c.LastOut(); out == nil {
			return nil
		}
	} else if out == nil {
		out = c.newOut()
	}
	if c.backlog == 0 && len(out.B) < c.loop.commitFrom || c.makeRoom(len(out.B)) {
		return out
	}
	return nil
}

// makeRoom reports whether there is room for anything after n bytes in the write buffer.
func (c *Conn) makeRoom(n int) bool {
	if c.withholdOut() {
		return false
	}
	return c.loop.r.checkRoom(c.backlog+n, 1) == nil
}

// withholdOut has the write buffer wait in the queue, if that is wanted and the transport
// has a backlog. It reports whether it does.
func (c *Conn) withholdOut() bool {
	if !c.flags.has(delayOutput) || c.backlog == 0 && !c.hasQueued.Load() || c.state != open {
		return false
	}
	c.moveOutToQueue()
	return true
}

// Light reports whether Commit has nothing to do, because little was written and the
// transport has no backlog. On the loop only.
func (c *Conn) Light() bool {
	return c.backlog == 0 && c.out != nil && len(c.out.B) < c.loop.commitFrom
}

// Commit says that the last n bytes of Out's buffer are a message. With an error, which is
// one of Queue's, they were taken out again; refused is the message if there is no room
// for it now, and is valid until Out is called again. Where much has been written, Commit
// sends it, so that a long callback does not pile up what the other side would take.
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
	if c.backlog > 0 && r.checkRoom(c.backlog+before, n) != nil && !c.sendBacklog() {
		return nil, ErrClosed
	}
	if c.backlog+len(out.B) > r.cfg.MaxPending && n <= r.cfg.MaxPending && before > 0 {
		return c.flushBefore(n)
	}
	if err := r.checkRoom(c.backlog+before, n); err != nil {
		refused, out.B = out.B[before:], out.B[:before]
		return refused, err
	}
	if len(out.B) >= flushFrom {
		c.flushNow()
	}
	return nil, nil
}

// flushBefore is Commit where the message has room only if what was written before it is
// sent.
func (c *Conn) flushBefore(n int) (refused []byte, err error) {
	out, last := c.out, c.loop.buffers.Get()
	before := len(out.B) - n
	last.B = append(last.B, out.B[before:]...)
	out.B = out.B[:before]
	c.flushNow()
	switch {
	case c.state != open:
		c.loop.buffers.Put(last)
		return nil, ErrClosed
	case c.withholdOut():
		defer c.loop.buffers.Put(last)
		if err := c.Queue(last.B); err != nil {
			return bytes.Clone(last.B), err
		}
		c.countBack(last.B)
		return nil, nil
	}
	c.out = last
	c.markDirty()
	return c.Commit(n)
}

// Flush sends what was written and queued, in the middle of a callback, as far as the
// other side takes it. There may be room after that. Out's buffer must not be in use. On
// the loop only.
func (c *Conn) Flush() {
	c.loop.mustBeHere("Conn.Flush")
	if c.state == open && !c.flags.has(flushing) {
		c.flushNow()
	}
}

// flushNow is Flush where that may be called.
func (c *Conn) flushNow() {
	if c.backlog == 0 || c.sendBacklog() {
		c.flush()
	}
}

// sendBacklog has the transport send what it can. It reports whether the conn is alive.
func (c *Conn) sendBacklog() bool {
	if m, ok := c.tr.(backlogSender); ok {
		m.sendBacklog()
		if c.state != closed {
			c.noteBacklog(c.tr.Buffered(), 0)
		}
	}
	return c.state != closed
}

// LastOut is Out without a bound, for a last message before the end. The caller bounds what
// it writes. On the loop only.
func (c *Conn) LastOut() *Buffer {
	c.loop.mustBeHere("Conn.Out")
	if c.state != open && c.state != unopened {
		return nil
	}
	if c.hasQueued.Load() {
		if c.mergeQueued(); c.state == closed {
			return nil
		}
	}
	if c.out == nil {
		return c.newOut()
	}
	c.markDirty()
	return c.out
}

const (
	// flushFrom is from how many bytes on output leaves before the callback is over.
	// Two answers of 64 KiB cost less in one write than in two; more would leave the
	// CPU's cache before they are written.
	flushFrom = 2 * chunk

	// directFrom is from how many bytes on Direct may be better than a copy: a system
	// call of their own costs as much as to copy 16 KiB.
	directFrom = chunk / 4
)

// MayDirect reports whether a message of n bytes is long enough for Direct.
func MayDirect(n int) bool { return n >= directFrom }

// directWriter is a transport that can send output from where it lies.
type directWriter interface {
	// writeTwo takes out over and sends b after it. What of b cannot be sent at once is
	// copied. False means that nothing was done.
	writeTwo(out *Buffer, b []byte) bool
}

// Direct sends b, the end of a message that was begun in Out's buffer, without copying it:
// the socket takes it at once, after what was written before. Only what the socket does
// not take is copied. The message needs no Commit. False means that nothing was done,
// because to append b is as good: b is short, or is less than 128 KiB with what was
// written, or the transport is no socket that takes something.
//
// On the loop only.
func (c *Conn) Direct(b []byte) bool {
	c.loop.mustBeHere("Conn.Direct")
	out := c.out
	if !MayDirect(len(b)) || out == nil || len(out.B) == 0 || len(out.B)+len(b) < flushFrom || c.state != open || c.flags.has(delayOutput) || c.backlog > 0 {
		return false
	}
	if len(out.B)+len(b) > c.loop.r.cfg.MaxPending {
		return false
	}
	w, ok := c.tr.(directWriter)
	if !ok || c.loop.tap != nil || !w.writeTwo(out, b) { // a tap is told before, and this may do nothing
		return false
	}
	c.out = nil
	if n := c.tr.Buffered(); n > 0 {
		c.afterWrite(n, n)
	}
	return true
}

// newOut gives the conn a write buffer, for the first output of a callback.
func (c *Conn) newOut() *Buffer {
	c.out = c.loop.buffers.Get()
	c.markDirty()
	return c.out
}
