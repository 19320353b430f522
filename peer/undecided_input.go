package peer

// Input that comes while a conn waits for the program's Decide. It is kept and, when the
// other side was let in, handled before what comes then. The packet of a paused conn that
// came before the other side's finish is kept here too.

import "fmt"

// maxKeptInput bounds the input that is kept, in bytes. The other side does not know that
// it waits, and may send its first packets.
const maxKeptInput = 64 << 10

// errKeptInput ends a conn whose other side has sent more than maxKeptInput before the
// decision.
var errKeptInput = fmt.Errorf("peer: more than %d bytes came before it was decided whether the conn may come in", maxKeptInput)

// keepInput keeps b after the input that is kept already. When the decision has been made and
// there is no room for b, it handles kept input until there is. It returns how many bytes of
// b are done with.
func (c *Conn) keepInput(b []byte) (n int) {
	e := c.makeRare()
	for c.flags.has(inputKept) && e.admit == nil && len(e.keptInput)+len(b) > maxKeptInput {
		if c.link.Loop().Halted() || c.isPaused() {
			return 0 // b comes again when the loop or the conn goes on
		}
		c.handleKeptShare()
	}
	switch {
	case c.ignoresInput():
		return len(b)
	case c.isPaused():
		return 0
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

// handleKept handles the kept input, after the decision, one share in each turn of the loop.
func (c *Conn) handleKept() {
	if c.flags.has(inputKept) && c.makeRare().admit == nil && !c.marked(aborted) {
		if c.handleKeptShare(); c.flags.has(inputKept) && !c.isPaused() { // else resumed calls it
			c.post(c.handleKept)
		}
	}
}

// handleKeptShare handles one share of the kept input. A packet of it that waits for the end of
// a pause is kept again meanwhile, and comes before the rest.
func (c *Conn) handleKeptShare() {
	e := c.makeRare()
	share := e.keptInput
	e.keptInput = nil
	rest := share[c.receive(share):]
	if !c.flags.has(inputKept) { // dropped meanwhile
		return
	}
	if e.keptInput == nil {
		e.keptInput = rest
	} else {
		e.keptInput = append(e.keptInput, rest...)
		c.link.Keep(&e.keptMemory, cap(e.keptInput))
	}
	if len(e.keptInput) == 0 {
		c.dropKept()
	}
}

// dropKept drops the kept input, and has input handled again as it comes.
func (c *Conn) dropKept() {
	if c.flags.has(inputKept) {
		c.flags.clear(inputKept)
		e := c.makeRare()
		e.admit, e.keptInput = nil, nil
		c.link.Keep(&e.keptMemory, 0)
	}
}
