package peer

// Sending one packet to every conn of a peer.

import (
	"fmt"
	"slices"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Broadcast sends v as a packet of type pkt to every conn of h whose handshake is
// complete, except those given. The value is encoded once, unless hooks want to see it
// for every conn, as Encode says, and a long payload is in memory once. Conns that are being ended are left out. It returns the first error,
// and goes on with the others.
func Broadcast[T any](h Host, pkt registry.Packet[T], v *T, except ...*Conn) error {
	p, err := peerOf(h)
	if err != nil {
		return err
	}
	t := pkt.In(p.reg)
	if t == nil {
		return noPacket(pkt)
	}
	return p.broadcast(t, v, except)
}

func (p *Peer) broadcast(t *registry.Type, v any, except []*Conn) (err error) {
	send := func(c *Conn) error { return c.send(t, v) }
	if !p.hooksWantValues(t) {
		b, err := p.encodePayload(t, v)
		if err != nil {
			return err
		}
		if engine.MayShare(len(b.B)) {
			payload := p.reactor.Share(b)
			defer payload.Release()
			send = func(c *Conn) error { return c.sendShared(t, payload) }
		} else {
			defer p.reactor.Buffers().Put(b)
			send = func(c *Conn) error { return c.SendRaw(t, b.B) }
		}
	}
	left := leftOut(except)
	for c := range p.Conns() {
		if c.State() != Active || left(c) {
			continue
		}
		if e := send(c); e != nil && err == nil {
			err = fmt.Errorf("%v: %w", c, e)
		}
	}
	return err
}

// leftOut reports whether a conn is among some. Few are compared, many looked up.
func leftOut(conns []*Conn) func(*Conn) bool {
	const few = 8
	if len(conns) <= few {
		return func(c *Conn) bool { return slices.Contains(conns, c) }
	}
	set := make(map[*Conn]struct{}, len(conns))
	for _, c := range conns {
		set[c] = struct{}{}
	}
	return func(c *Conn) bool {
		_, ok := set[c]
		return ok
	}
}
