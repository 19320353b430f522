package peer

// What happens to a packet for which there is no room in the backlog. The policy says: the
// packet is refused, it or the oldest packets are dropped, or the conn ends. A packet
// type's policy goes before the conn's, and that before the peer's.

import (
	"errors"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// ErrBackpressure is returned by a send, under the policy registry.Refuse, when
// too much waits for the other side already.
var ErrBackpressure = engine.ErrBackpressure

// SetOverflow sets what happens to packets for which there is no room on this
// conn, in place of Config.Overflow, which is back with 0 and with a value that is
// no policy. A packet type's own policy goes before it.
func (c *Conn) SetOverflow(p registry.Overflow) {
	if c.check() != nil {
		return
	}
	if p > registry.DropOldest {
		p = 0
	}
	c.makeRare().overflow.Store(uint32(p))
	if p == registry.DropOldest {
		c.link.Loop().Post(func() { c.link.SetDelayOutput(true) })
	}
}

// Dropped is the number of packets that were dropped because there was no room
// for them.
func (c *Conn) Dropped() uint64 {
	if c == nil {
		return 0
	}
	if rare := c.rare.Load(); rare != nil {
		return rare.dropped.Load()
	}
	return 0
}

// overflowPolicy is what happens to a packet of type t for which there is no room. t is nil
// if the type is not known.
func (c *Conn) overflowPolicy(t *registry.Type) registry.Overflow {
	if t != nil && t.Options().Overflow != 0 {
		return t.Options().Overflow
	}
	if rare := c.rare.Load(); rare != nil && rare.overflow.Load() != 0 {
		return registry.Overflow(rare.overflow.Load())
	}
	if p := c.peer.cfg.Overflow; p != 0 {
		return p
	}
	if c.peer.client {
		return registry.Refuse
	}
	return registry.CloseSlow
}

// queueOrOverflow queues a frame. If there is no room, it does what the policy says.
func (c *Conn) queueOrOverflow(t *registry.Type, frame []byte) error {
	return c.queueOrOverflowBy(t, len(frame), func() error { return c.link.Queue(frame) })
}

// queueOrOverflowBy is queueOrOverflow for a frame of n bytes that queue queues.
func (c *Conn) queueOrOverflowBy(t *registry.Type, n int, queue func() error) error {
	err := queue()
	if errors.Is(err, ErrBackpressure) && c.link.Loop().Here() && !c.flags.has(encoding) {
		c.link.Flush() // the loop is in a callback, so output can leave only here
		err = queue()
	}
	if errors.Is(err, ErrBackpressure) {
		return c.applyOverflow(t, n, queue)
	}
	return c.sendError(t, err)
}

// sendResult makes of err, what the engine returned for a frame, what the send returns. If
// there is no room for the frame, it does what the policy says.
func (c *Conn) sendResult(t *registry.Type, frame []byte, err error) error {
	if errors.Is(err, ErrBackpressure) {
		return c.applyOverflow(t, len(frame), func() error { return c.link.Queue(frame) })
	}
	return c.sendError(t, err)
}

// sendError makes of err, what the engine returned for a frame, what the send returns, where
// it is not that there is no room.
func (c *Conn) sendError(t *registry.Type, err error) error {
	if size, ok := err.(*engine.SizeError); ok {
		return c.tooLarge(t, size.Length-codec.LengthSize, size.Max-codec.LengthSize)
	}
	return err
}

// applyOverflow does what the policy says with a frame of n bytes for which there is no room.
// queue queues it.
func (c *Conn) applyOverflow(t *registry.Type, n int, queue func() error) error {
	switch c.overflowPolicy(t) {
	case registry.Refuse:
		return ErrBackpressure
	case registry.DropOldest:
		c.dropOldest(n)
		if queue() == nil {
			return nil
		}
		c.makeRare().dropped.Add(1)
		return nil
	case registry.DropNewest:
		c.makeRare().dropped.Add(1)
		return nil
	}
	c.link.Abort(engine.ErrSlowConsumer)
	return engine.ErrSlowConsumer
}

// dropOldest makes room for n bytes. It drops the oldest packets whose policy is DropOldest.
func (c *Conn) dropOldest(n int) {
	table := c.table()
	gone := c.link.Discard(n, func(frame []byte) bool {
		id := codec.Frame(frame[codec.LengthSize:]).ID()
		return id >= registry.MinID && c.overflowPolicy(table.Type(id)) == registry.DropOldest
	})
	c.makeRare().dropped.Add(uint64(gone))
}
