package peer

// Sends that wait for room.

import (
	"context"
	"errors"

	"github.com/packetmq/packetmq/registry"
)

// SendWait is Send for a goroutine that would rather wait than be refused, or have the
// conn ended as a slow one: it waits until less than the reactor's SoftPending waits for
// the other side, or until ctx is done. With an error nothing was sent; ErrClosed and
// ErrNotActive mean that the conn has ended meanwhile. Those that wait on a conn go on in
// the order of their calls, each when there is room for its packet. Any goroutine but
// those of the reactor's loops may call it: there it is ErrOnLoop.
func SendWait[T any](ctx context.Context, c *Conn, pkt registry.Packet[T], v *T) error {
	if err := c.check(); err != nil {
		return err
	}
	t := pkt.In(c.peer.reg)
	if t == nil {
		return noPacket(pkt)
	}
	if ctx == nil {
		return errNilContext
	}
	return c.sendBy(roomWait{ctx}, t, v)
}

// queueWait queues a frame as soon as there is room.
func (c *Conn) queueWait(ctx context.Context, t *registry.Type, frame []byte) error {
	err := c.link.QueueWait(ctx, frame)
	if errors.Is(err, ErrClosed) && c.State() == Softquitted {
		return ErrNotActive
	}
	return c.sendResult(t, frame, err)
}
