package request

// The side that asks.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
)

// Join asks the other side of c to let c join a room, or subscribe to a pattern, and waits for
// the answer. Errors are those of this package, of the other side's May, and of call.Do. To join
// what c has joined already is no error.
//
// It may not be called on a loop: JoinThen is for there. Memberships end with the conn.
func (r Request) Join(ctx context.Context, c *peer.Conn, name string) error {
	_, err := call.Do(ctx, c, r.join, &name)
	return err
}

// Leave asks to leave a room or to unsubscribe, and waits for the answer, which is whether c was
// a member or had subscribed to exactly this pattern.
func (r Request) Leave(ctx context.Context, c *peer.Conn, name string) (was bool, err error) {
	answer, err := call.Do(ctx, c, r.leave, &name)
	if err != nil {
		return false, err
	}
	return *answer, nil
}

// JoinThen is Join without waiting: then is called on c's loop, once. The rest is as for
// call.Go; a timeout of 0 stands for call.Config.Timeout.
func (r Request) JoinThen(c *peer.Conn, name string, timeout time.Duration, then func(err error)) call.Pending {
	return call.Go(c, r.join, &name, timeout, func(_ *bool, err error) { then(err) })
}

// LeaveThen is Leave without waiting.
func (r Request) LeaveThen(c *peer.Conn, name string, timeout time.Duration, then func(was bool, err error)) call.Pending {
	return call.Go(c, r.leave, &name, timeout, func(was *bool, err error) { then(err == nil && *was, err) })
}
