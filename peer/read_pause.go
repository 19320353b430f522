package peer

// Read pause: a program has the packets of a conn wait, and so holds the other side back.
// The engine leaves the input where it is; this file is what a pause means for packets and
// for what the conn waits for.

import (
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// PauseRead has the packets of the conn wait until ResumeRead is called. After a call in
// one of the conn's callbacks no further packet is handled; after one on another goroutine
// the packet that is being handled is the last one. What the other side sends fills the
// kernel's buffers, or those of a memory pair, and then waits at the other side, whose
// sends are refused or end the conn as its own bounds say.
//
// Sending goes on, heartbeats included, and the other side's silence does not end the conn
// meanwhile. The handshake is never paused: a call before OnMade has effect from OnMade on.
// A pause ends with the conversation, so that Softquit, Shutdown and Abort end a paused
// conn as any other. What the other side has ended is noticed after ResumeRead at the
// latest.
//
// Calls are not counted: one ResumeRead takes any number of them back.
func (c *Conn) PauseRead() {
	if c.check() == nil {
		c.pauseFor(pausedByProgram)
	}
}

// ResumeRead takes PauseRead back: the packets that wait are handled, and then those that
// come. It does nothing for a conn that is not paused.
func (c *Conn) ResumeRead() {
	if c.check() == nil {
		c.resumeFor(pausedByProgram)
	}
}

// pauseFor pauses the conn for one of the reasons in pauses.
func (c *Conn) pauseFor(reason marks) {
	c.mark(reason)
	c.pauseLink()
}

// resumeFor takes back pauseFor with the same reason.
func (c *Conn) resumeFor(reason marks) {
	if c.unmark(reason) {
		c.resumeIfWanted()
	}
}

// isPaused reports whether packets wait now.
func (c *Conn) isPaused() bool {
	life := marks(c.life.Load())
	return life&pauses != 0 && life&canPause != 0
}

// beginPause is called when the conn is made. A pause that was asked for before begins.
func (c *Conn) beginPause() {
	c.mark(canPause)
	if c.isPaused() {
		c.pauseLink()
	}
}

// waitsForPause makes a conn whose other side sends a packet of the program's before its
// finish, as the Python library may. It reports whether the conn is paused by then, and
// the packet is kept.
func (c *Conn) waitsForPause(table *registry.Table, f codec.Frame) bool {
	t := table.Type(f.ID())
	if t == nil || !c.isProgramID(f.ID()) || c.State() != Active || c.isEarly(t) {
		return false
	}
	if c.establish(); !c.isPaused() {
		return false
	}
	e := c.makeRare()
	c.flags.set(inputKept)
	e.keptInput = codec.AppendFrame(e.keptInput, f.ID(), f.Payload())
	c.link.Keep(&e.keptMemory, cap(e.keptInput))
	return true
}

// endPause is called when the conversation has ended: what comes now is read, as the
// other side's end is, and dropped.
func (c *Conn) endPause() {
	if c.unmark(canPause) && c.marked(pauses) {
		c.pauseLink()
	}
}

// pauseLink has the engine read, or not, as the marks say. Several goroutines may change
// the marks and call it at the same time: each looks again after it has told the engine,
// so the last one that tells it tells what the marks say.
func (c *Conn) pauseLink() {
	for {
		paused := c.isPaused()
		if paused {
			c.link.PauseRead()
		} else {
			c.link.ResumeRead()
		}
		if c.isPaused() == paused {
			return
		}
	}
}

// resumeIfWanted ends a pause for which there is no reason left.
func (c *Conn) resumeIfWanted() {
	if c.marked(pauses) || !c.marked(canPause) {
		return
	}
	c.pauseLink()
	if c.life.Or(uint32(resumeDue))&uint32(resumeDue) == 0 { // once, however often the program pauses
		c.link.Loop().Post(c.resumed)
	}
}

// resumed is called on the loop after a pause. What the conn waits for has its time from
// now on, and input that is kept here is handled, as it waits for no event of the engine's.
func (c *Conn) resumed() {
	c.unmark(resumeDue)
	if c.isPaused() || c.ignoresInput() || c.State() == Disconnected {
		return
	}
	c.makeRare().resumedAt = c.link.Loop().Time()
	c.restartClocks(c.now())
	c.callProgram(c.handleKept)
}

// pauseClocks has the clocks of a paused conn stand still: what the other side has not
// said, it may have said.
func (c *Conn) pauseClocks(now engine.Ticks) {
	if c.isPaused() {
		c.restartClocks(now)
	}
}

// restartClocks gives the other side its times for a sign of life and for the rest of a
// frame from now on.
func (c *Conn) restartClocks(now engine.Ticks) {
	c.timeouts.lastInput = now
	if c.timeouts.frameDue != 0 {
		c.timeouts.frameDue = now.After(c.peer.cfg.FrameTime)
	}
}
