package clusterpeer

// The load of a room with members at several nodes.

import (
	"context"
	"io"

	"github.com/packetmq/packetmq/bench/versus/caller"
	"github.com/packetmq/packetmq/bench/versus/packetmqpeer"
)

// Say has payloads sent to all members of a room, who are at all nodes in turn.
func Say(ctx context.Context, cfg caller.Config) (caller.Result, error) {
	return caller.Say(ctx, cfg, caller.Frames{Counts: true, Handshake: func(nc io.ReadWriter) error {
		return packetmqpeer.Greet(nc, packetmqpeer.ID{Name: joins.Name(), ID: caller.JoinID}, packetmqpeer.ID{Name: says.Name(), ID: caller.SayID},
			packetmqpeer.ID{Name: heard.Name(), ID: caller.HeardID}, packetmqpeer.ID{Name: counts.Name(), ID: caller.CountID})
	}})
}
