package middleware

// Authorise: who may send what.

import (
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Authorise asks may before each packet, which is decoded and handled only if may returns
// nil. Any other result is treated as a handler's error: peer.ErrDrop drops the packet, a
// peer.Reason ends the conn with that reason, and any other error ends it too and is logged.
// A call of package call is answered with it.
//
// It is asked about every packet, so it should decide by what it has at hand: Conn.Data, a
// peer.Slot, the type's name. Who the other side is at all is asked once, by
// peer.Config.Authenticate, which is before any packet.
func Authorise(may func(c *peer.Conn, t *registry.Type) error) peer.Middleware {
	mustHave(may != nil, "Authorise")
	return func(next peer.Next) peer.Next {
		return func(in *peer.Incoming) error {
			if err := may(in.Conn(), in.Packet()); err != nil {
				return err
			}
			return next(in)
		}
	}
}
