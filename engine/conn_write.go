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

// mayWrite reports whether there is room for anything behind n bytes in Out's buffer.
func (c *Conn) makeRoom(n int) bool {
	if c.withholdOut() {
		return false
	}
	return c.loop.r.checkRoom(c.backlog+n, 1) == nil
}

// heldBack reports whether output is held back, and has what was written already wait in
// front of what was queued.
func (c *Conn) withholdOut() bool {
	if !c.flags.has(delayOutput) || c.backlog == 0 && !c.hasQueued.Load() || c.state != open {
		return false
	}
	c.moveOutToQueue()
	return true
}

// Light reports whether Commit has nothing to do: little was written, and nothing waits.
// On the loop only.
func (c *Conn) Light() bool {
	return c.backlog == 0 && c.out != nil && len(c.out.B) < c.loop.commitFrom
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
	if len(out.B) >= unloadFrom {
		c.flushNow()
	}
	return nil, nil
}

// unloadBefore is Commit where the message has room only if what was written before it
// leaves.
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
		return nil, nil
	}
	c.out = last
	c.markDirty()
	return c.Commit(n)
}

// Unload sends what was written and queued, in the middle of a callback, as far as the
// other side takes it: there may be room then. Out's buffer must not be in use. On the
// loop only.
func (c *Conn) Unload() {
	c.loop.mustBeHere("Conn.Unload")
	if c.state == open && !c.flags.has(flushing) {
		c.flushNow()
	}
}

// unloadNow is Unload where that may be called.
func (c *Conn) flushNow() {
	if c.backlog == 0 || c.sendBacklog() {
		c.flush()
	}
}

// moveOn has the transport send what it can send. It reports whether the conn is alive.
func (c *Conn) sendBacklog() bool {
	if m, ok := c.tr.(backlogSender); ok {
		m.sendBacklog()
		if c.state != closed {
			c.noteBacklog(c.tr.Buffered(), 0)
		}
	}
	return c.state != closed
}

// LastOut is Out for a last word: it is there however much waits. What is
// written to it is the caller's to bound. On the loop only.
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
	// unloadFrom is how many bytes of output leave before the callback is over.
	// Two answers of 64 KiB cost less in one write than in two; more would leave
	// the CPU's cache before they are written.
	unloadFrom = 2 * chunk

	// directFrom is from how many bytes on Direct may be better than a copy: a system
	// call of their own costs as much as to copy 16 KiB.
	directFrom = chunk / 4
)

// MayDirect reports whether a message of n bytes is long enough for Direct.
func MayDirect(n int) bool { return n >= directFrom }

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
	if !MayDirect(len(b)) || out == nil || len(out.B) == 0 || len(out.B)+len(b) < unloadFrom || c.state != open || c.flags.has(delayOutput) || c.backlog > 0 {
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
		c.afterWrite(n, n)
	}
	return true
}

// begin has a callback's first output in a buffer, to be flushed.
func (c *Conn) newOut() *Buffer {
	c.out = c.loop.buffers.Get()
	c.markDirty()
	return c.out
}
