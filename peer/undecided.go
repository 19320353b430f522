package peer

// Input of a conn that waits for a Decide: it is kept, in bounds, and handled once the
// program has decided.

import "fmt"

// keepInput keeps input until it is decided whether it may be handled, or behind what
// was kept so.
func (c *Conn) keepInput(b []byte) (n int) {
	e := c.makeRare()
	for c.flags.has(inputKept) && e.admit == nil && len(e.keptInput)+len(b) > maxKeptInput {
		if c.link.Loop().Halted() {
			return 0 // it comes again
		}
		c.handleKeptShare()
	}
	switch {
	case c.flags.has(inputEnded) || c.marked(aborted):
		return len(b)
	case !c.flags.has(inputKept):
		return c.receive(b)
	case len(e.keptInput)+len(b) > maxKeptInput:
		c.fault(ReasonProtocol, errKeptInput)
	default:
		e.keptInput = append(e.keptInput, b...)
		c.link.Keep(&e.keptMemory, cap(e.keptInput))
	}
	return len(b)
}

// handleKept handles what was set aside, a share at a time.
func (c *Conn) handleKept() {
	if c.flags.has(inputKept) && c.makeRare().admit == nil && !c.marked(aborted) {
		if c.handleKeptShare(); c.flags.has(inputKept) {
			c.soon(c.handleKept)
		}
	}
}

// handleKeptShare handles a share of what was set aside.
func (c *Conn) handleKeptShare() {
	e := c.makeRare()
	n := c.receive(e.keptInput)
	if e.keptInput = e.keptInput[min(n, len(e.keptInput)):]; len(e.keptInput) == 0 {
		c.dropKept()
	}
}

// dropKept forgets what was set aside, or that something is to be.
func (c *Conn) dropKept() {
	if c.flags.has(inputKept) {
		c.flags.clear(inputKept)
		e := c.makeRare()
		e.admit, e.keptInput = nil, nil
		c.link.Keep(&e.keptMemory, 0)
	}
}

// maxKeptInput is how much input is kept, in bytes, of an other side that waits for a
// decision. One that is in the handshake does not know that it waits, and may send
// its first packets.
const maxKeptInput = 64 << 10

// errKeptInput ends a conn whose other side said too much while it waited for a
// decision.
var errKeptInput = fmt.Errorf("peer: more than %d bytes came before it was decided whether the conn may come in", maxKeptInput)
