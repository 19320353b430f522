package attack

// Rows joins and topics: conns that ask for rooms and topics as fast as they can.

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

const (
	// memberBound is how many bytes a conn may take that is in as many rooms as it may be, and
	// has as many subscriptions: according to the server's documents 256 KB for the patterns
	// and a quarter of that for the rooms, and as much again for what the collector leaves.
	memberBound = 640 << 10

	// joinsBase is how many bytes such an attack may take besides, whatever the conns.
	joinsBase = 32 << 20

	// subscriptions is how many a conn may have.
	subscriptions = 256
)

// tryJoins has hundreds of conns join rooms and leave them again as fast as they can: the same
// rooms, so that all of them meet there. The server ends them.
func tryJoins(ctx context.Context, t *trial) error {
	var piece []byte // requests are answered at once, so that their numbers may come again
	for n := uint64(1); len(piece) < 64<<10; n += 2 {
		name := fmt.Sprint("room ", n%10)
		piece = wire.AppendRequest(piece, wire.IDJoinRoom, n, name)
		piece = wire.AppendRequest(piece, wire.IDLeaveRoom, n+1, name)
	}
	u := &memoryAttack{
		options: target.Options{Rooms: true},
		conns:   t.pick(400, 20), lasts: time.Duration(t.pick(8, 2)) * time.Second, answers: true,
		says: client.Forever(piece),
	}
	u.bound = joinsBase + int64(u.conns)*memberBound
	if err := tryMemoryAttack(ctx, t, u, crowdedP99, func() string {
		return fmt.Sprintf("%s conns sent %s of requests, %s closed", figures.Count(u.conns), figures.Bytes(u.sent), figures.Count(u.closed))
	}); err != nil {
		return err
	}
	c, err := u.s.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Reset()
	c.SetWriteDeadline(time.Now().Add(client.Patience))
	c.Write(piece) // the server may end it in its midst
	reason, err := c.ReadReason(2 * client.Patience)
	t.check(err == nil && reason == "reason.requestflood", "who makes requests as fast as it can is told %q, %v", reason, err)
	return nil
}

// tryTopics has conns ask for a million rooms and patterns, each of them as dear as it can be.
func tryTopics(ctx context.Context, t *trial) error {
	const each = 500 // fewer than a flood is, and more than a conn may have
	conns := t.pick(1000, 20)
	all := conns * each // of rooms, and as many patterns
	var started atomic.Int64
	u := &memoryAttack{
		options: target.Options{Rooms: true}, bound: joinsBase + int64(conns)*memberBound,
		conns: conns, lasts: 20 * time.Second, answers: true,
		says: func() func() []byte {
			own, n := started.Add(1), uint64(0)
			return func() (b []byte) {
				for ; n < each && len(b) < 8<<10; n++ {
					name := fmt.Sprintf("%d-%d", own, n)
					b = wire.AppendRequest(b, wire.IDJoinRoom, 2*n+1, name)
					b = wire.AppendRequest(b, wire.IDSubscribe, 2*n+2, name+strings.Repeat(".x", 15))
				}
				return b
			}
		},
	}
	err := tryMemoryAttack(ctx, t, u, crowdedP99, func() string {
		return fmt.Sprintf("%s conns asked for %s rooms and as many patterns, of which %d each are the most; %s closed",
			figures.Count(u.conns), figures.Count(all), subscriptions, figures.Count(u.closed))
	})
	t.check(u.closed == 0, "%d conns were closed", u.closed) // they ask for too much, and not too often
	return err
}
