//go:build packetmq_debug

package peer

import (
	"bytes"

	"github.com/packetmq/packetmq/engine"
)

const debugBuild = true

func (c *Conn) mustBeOnLoop(call string) { c.link.Loop().MustBeHere(call) }

// lentTo has fn get a copy of its payload, which is overwritten when fn has
// returned.
func lentTo(fn func(*Conn, []byte) error) func(*Conn, []byte) error {
	if fn == nil {
		return nil
	}
	return func(c *Conn, payload []byte) error {
		own := bytes.Clone(payload)
		defer engine.Poison(own)
		return fn(c, own)
	}
}

// lendEncodedIn does the same for the hook, which may return what it was given.
func (c *Conn) lendEncodedIn(raw []byte) ([]byte, error) {
	own := bytes.Clone(raw)
	defer engine.Poison(own)
	out, err := c.peer.cfg.EncodedIn(c, own)
	return bytes.Clone(out), err
}
