package request

// Request: the definition of the two calls by which clients join and leave.

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/registry"
)

// maxRequest is how long a packet of a request may be, in bytes: a name or a pattern, and what
// is around it. A longer one ends its conn before it is decoded.
const maxRequest = 512

// Request is the definition of the requests for one Rooms or one Topics. Like a registry.Packet
// it belongs to no registry: both sides of a program add the same one to theirs. The zero
// Request defines nothing, and what is given one returns or panics with call.ErrUndefined.
type Request struct {
	join  call.Call[string, bool] // answered with true
	leave call.Call[string, bool] // answered with whether the client was a member
}

// Define defines requests by a name and the first of four ids:
//
//	var lobbies = request.Define("chat:rooms", 60)
//
// is the calls chat:rooms.join, 60 and 61, and chat:rooms.leave, 62 and 63, of a text each: the
// name of a room, or a pattern of topics. A program that serves several Rooms or Topics has a
// definition for each.
func Define(name string, id int) Request {
	return Request{
		join:  call.Define[string, bool](name+".join", id, registry.MaxSize(maxRequest)),
		leave: call.Define[string, bool](name+".leave", id+2, registry.MaxSize(maxRequest)),
	}
}

// Packets are the packets of the requests, for a registry:
//
//	reg.MustAdd(lobbies.Packets()...)
func (r Request) Packets() []registry.Definition {
	return append(r.join.Packets(), r.leave.Packets()...)
}
