package peer

// Input of a conn that waits for a Decide: it is kept, in bounds, and handled once the
// program has decided.

import "fmt"

// setAside keeps input until it is decided whether it may be handled, or behind what
// was kept so.
func (c *Conn) setAside(b []byte) (n int) {
	e := c.more()
	for c.flags.has(inputKept) && e.undecided == nil && len(e.waiting)+len(b) > maxAhead {
		if c.link.Loop().Halted() {
			return 0 // it comes again
		}
		c.replayShare()
	}
	switch {
	case c.flags.has(inputEnded) || c.marked(aborted):
		return len(b)
	case !c.flags.has(inputKept):
		return c.receive(b)
	case len(e.waiting)+len(b) > maxAhead:
		c.fault(ReasonProtocol, errAhead)
	default:
		e.waiting = append(e.waiting, b...)
		c.link.Keep(&e.kept, cap(e.waiting))
	}
	return len(b)
}

// replay handles what was set aside, a share at a time.
func (c *Conn) replay() {
	if c.flags.has(inputKept) && c.more().undecided == nil && !c.marked(aborted) {
		if c.replayShare(); c.flags.has(inputKept) {
			c.soon(c.replay)
		}
	}
}

// replayShare handles a share of what was set aside.
func (c *Conn) replayShare() {
	e := c.more()
	n := c.receive(e.waiting)
	if e.waiting = e.waiting[min(n, len(e.waiting)):]; len(e.waiting) == 0 {
		c.dropAhead()
	}
}

// dropAhead forgets what was set aside, or that something is to be.
func (c *Conn) dropAhead() {
	if c.flags.has(inputKept) {
		c.flags.clear(inputKept)
		e := c.more()
		e.undecided, e.waiting = nil, nil
		c.link.Keep(&e.kept, 0)
	}
}

// maxAhead is how much input is kept, in bytes, of an other side that waits for a
// decision. One that is in the handshake does not know that it waits, and may send
// its first packets.
const maxAhead = 64 << 10

// errAhead ends a conn whose other side said too much while it waited for a
// decision.
var errAhead = fmt.Errorf("peer: more than %d bytes came before it was decided whether the conn may come in", maxAhead)
