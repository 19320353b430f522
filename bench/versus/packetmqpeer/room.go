package packetmqpeer

// A room of package room, or a topic with subscribers: what one conn says is sent to all.

import (
	"context"
	"io"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
)

// The packets of a room. Their payloads are sent as they came.
var (
	joins = registry.Define[codec.Raw]("bench:join", caller.JoinID)
	says  = registry.Define[codec.Raw]("bench:say", caller.SayID)
	heard = registry.Define[codec.Raw]("bench:heard", caller.HeardID)
)

// serveRoom has a server with the packets of a room send to the members, or to the subscribers of a
// topic.
func serveRoom(srv *peer.Server, topic bool) {
	if topic {
		topics := room.NewTopics(srv, nil)
		answer(srv, func(c *peer.Conn) error { return topics.Subscribe(c, "px.eu.*") },
			func(v *codec.Raw) error { return room.Publish(topics, "px.eu.bund", heard, v) })
		return
	}
	lobby := room.New(srv, nil).Room("lobby")
	answer(srv, func(c *peer.Conn) error { return lobby.Join(c) }, func(v *codec.Raw) error { return room.Send(lobby, heard, v) })
}

// answer has who says join joined, and the rest sent to all.
func answer(srv *peer.Server, join func(*peer.Conn) error, say func(*codec.Raw) error) {
	back := joins.In(srv.Registry())
	peer.HandleRaw(srv, joins, func(c *peer.Conn, b []byte) error {
		if err := join(c); err != nil {
			return err
		}
		return c.ReplyRaw(back, b)
	})
	peer.HandleRaw(srv, says, func(_ *peer.Conn, b []byte) error {
		v := codec.Raw(b)
		return say(&v)
	})
}

// Say has payloads sent to all members.
func Say(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.Say(ctx, cfg, caller.Frames{Handshake: func(nc io.ReadWriter) error {
		return Greet(nc, ID{joins.Name(), caller.JoinID}, ID{says.Name(), caller.SayID}, ID{heard.Name(), caller.HeardID})
	}})
}
