//go:build packetmq_debug

package peer

// Checks of the debug build: who calls, and that nobody keeps a lent buffer.

import (
	"bytes"

	"github.com/packetmq/packetmq/internal/bufpool"
	"github.com/packetmq/packetmq/internal/loopcheck"
)

const debugBuild = true

func (c *Conn) mustBeOnLoop(call string) { loopcheck.MustBeHere(c.link.Loop(), call) }

// lentTo has fn get a copy of its payload, which is overwritten when fn has
// returned.
func lentTo(fn func(*Conn, []byte) error) func(*Conn, []byte) error {
	if fn == nil {
		return nil
	}
	return func(c *Conn, payload []byte) error {
		own := bytes.Clone(payload)
		defer bufpool.Overwrite(own)
		return fn(c, own)
	}
}

// lend is a copy of a payload, which endLoan overwrites.
func lend(payload []byte) []byte { return bytes.Clone(payload) }

func endLoan(payload []byte) { bufpool.Overwrite(payload) }

// lendEncodedIn does the same for the hook, which may return what it was given.
func (c *Conn) lendEncodedIn(raw []byte) ([]byte, error) {
	own := bytes.Clone(raw)
	defer bufpool.Overwrite(own)
	out, err := c.peer.cfg.EncodedIn(c, own)
	return bytes.Clone(out), err
}
