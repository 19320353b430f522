//go:build !packetmq_debug

package peer

// The debug build, with the tag packetmq_debug, overwrites bytes that were lent
// to the program, and panics when what is for the loop is called elsewhere. In
// others nothing of it is left.
const debugBuild = false

func (*Conn) mustBeOnLoop(string) {}

func lentTo(fn func(*Conn, []byte) error) func(*Conn, []byte) error { return fn }

func lend(payload []byte) []byte { return payload }

func endLoan([]byte) {}

func (c *Conn) lendEncodedIn(raw []byte) ([]byte, error) { return c.peer.cfg.EncodedIn(c, raw) }
