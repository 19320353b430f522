package cluster

// Durable targets: packets that wait in a store for users who are away.

import (
	"context"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
)

// Defaults of Durability.
const (
	DefaultDurablePackets  = 1000
	DefaultDurableBytes    = 256 << 20
	DefaultDurableAge      = 7 * 24 * time.Hour
	DefaultDurableDedup    = 2 * time.Minute
	DefaultDurableUnderWay = 1024
)

// Durability has packets for Durable targets kept in JetStream until the user's client has
// acknowledged them. The bounds and Replicas are those of one stream for the whole cluster: all
// nodes should have the same, else those of the last one to join hold.
type Durability struct {
	// Packets is how many packets may wait for one user, or are kept of one room. One more is
	// refused with ErrManyWait. Default: 1,000.
	Packets int64

	// Bytes is what all users and rooms may take together in the store. What is beyond it is
	// refused with ErrStoreFull. Default: 256 MiB.
	Bytes int64

	// Age is how long a packet waits. One that is older is dropped, and told by OnDropped.
	// While no node is there nothing is told: at twice the age the store drops it by itself.
	// Default: 7 days.
	Age time.Duration

	// Dedup is for how long a second packet with the same id to the same target is not stored:
	// see DurableTarget.WithID. Default: 2 minutes, or Age if that is less.
	Dedup time.Duration

	// Replicas is at how many servers of the store a packet lies before its sender is told that
	// it is stored: 1, or 3 so that one of them may be gone, or 5. Default: 1.
	Replicas int

	// Memory has packets lie in memory instead of files: they outlive a server only at its
	// replicas.
	Memory bool

	// UnderWay is how many packets this node may be storing at the same time. One more is
	// refused with peer.ErrBackpressure. Default: 1,024.
	UnderWay int

	// Deliver is called before a packet is sent to its user's member, and returns whether it is
	// to be sent: if not, it is done with. A program whose clients tell at their login which
	// Delivery.Seq was the last that they handled skips by it what they have had; one that wants
	// clients to know sends them the Seq here. It may be called again for a packet that could
	// not be sent yet. Default: all are sent.
	Deliver func(m room.Member, d Delivery) bool

	// OnDropped is called for each packet that waited for a user and was dropped, at one node: one
	// that has waited for too long (ErrAged), the oldest ones of a room that is full (ErrManyWait),
	// and one that cannot be sent to him. What was on its way to him just then may reach him all
	// the same. Default: it is only counted.
	OnDropped func(d Delivery, reason error)

	// OnLost is called at each node that notices that the store has lost its packets, or its members,
	// and was made anew: nobody knows any more what waited, or who was a durable member. Members that
	// are left get what is sent from then on. Default: it is only counted and logged.
	OnLost func(part StorePart)

	// OnRefused is called for a packet that Send has taken, and that was not stored. Default: it
	// is only counted.
	OnRefused func(t DurableTarget, packet string, reason error)
}

// StorePart is a part of the store that may be lost alone.
type StorePart string

const (
	StorePackets StorePart = "packets" // of users and rooms
	StoreMembers StorePart = "members" // of rooms, with how far each has its packets
)

// Delivery is a stored packet on its way to a user.
type Delivery struct {
	User   string
	Room   string // "": it was sent to the user
	Packet string // its name
	ID     string // of DurableTarget.WithID
	Seq    uint64 // its number in the store: it grows for each user and for each room, and is never the same again
	Stored time.Time
}

// DurableTarget is a user or a room for whose packets there is a store.
type DurableTarget struct {
	user, room, id string
}

// Durable is a user or a room whose packets wait in the store of Config.Durability for users who
// are away. They reach a user in the order in which they were stored, also through his coming to
// another node, at least once:
//
// A session has each packet once, and so has the client while it resumes that session. If the
// session is lost, what its client has not acknowledged is sent again in the next one, though the
// client may have handled it: Durability.Deliver can tell. A bare conn has each packet at most
// once: it is done with when it is sent.
//
// A room's packets are for those who have joined it by Room.JoinDurable, whether they are there
// or not. Packets that were sent without Durable go their own way: they may come before or after.
func Durable[T User | Room](to T) DurableTarget {
	switch to := any(to).(type) {
	case User:
		return DurableTarget{user: string(to)}
	case Room:
		return DurableTarget{room: to.name}
	}
	panic("unreachable")
}

// WithID returns the target for one packet with an id, at most 128 bytes. Of several packets with
// one id to one target within Durability.Dedup only the first is stored; the others are no error.
// A sender that does not know whether its packet was stored sends it again with the same id.
func (t DurableTarget) WithID(id string) DurableTarget {
	t.id = id
	return t
}

// User is the user, "" if the target is a room.
func (t DurableTarget) User() string { return t.user }

// Room is the room, "" if the target is a user.
func (t DurableTarget) Room() string { return t.room }

// ID is what WithID was given.
func (t DurableTarget) ID() string { return t.id }

// SendDurable sends v as a packet of type pkt to a durable target, and returns when it is stored.
// The errors are those of DurableTarget as a target of Send; ErrManyWait and ErrStoreFull, with
// which it was not stored; and ErrUncertain, also if ctx ends: it may have been stored or not. Any
// goroutine may call it, but no loop: engine.ErrOnLoop.
func SendDurable[T any](ctx context.Context, n *Node, to DurableTarget, pkt registry.Packet[T], v *T) error {
	if n.srv.Reactor().OnLoop() {
		return engine.ErrOnLoop
	}
	stored := make(chan error, 1)
	if err := sendDurable(n, to, pkt, v, func(err error) { stored <- err }); err != nil {
		return err
	}
	select {
	case err := <-stored:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUncertain, context.Cause(ctx))
	}
}

// SendDurableThen is SendDurable for handlers: it does not wait. If it returns nil, done is called
// once on the server's first loop with what SendDurable would return.
func SendDurableThen[T any](n *Node, to DurableTarget, pkt registry.Packet[T], v *T, done func(err error)) error {
	return sendDurable(n, to, pkt, v, func(err error) { n.call(func() { done(err) }) })
}

func sendDurable[T any](n *Node, to DurableTarget, pkt registry.Packet[T], v *T, done func(err error)) error {
	e, err := peer.Encode(n.srv, pkt, v)
	if err != nil {
		return err
	}
	defer e.Release()
	return to.store(n, e, done)
}

// send makes it a target of Send, which returns when the packet is on its way to the store. The
// errors are ErrNoStore, ErrName, peer.ErrBackpressure and a *peer.SizeError; what becomes known
// later is told by Durability.OnRefused.
func (t DurableTarget) send(n *Node, e *peer.Encoded) error {
	return t.store(n, e, func(err error) {
		if err != nil && n.durable.cfg.OnRefused != nil {
			n.call(func() { n.durable.cfg.OnRefused(t, e.Packet().Name(), err) })
		}
	})
}

// store has a packet stored. done is called once if store returns nil, on any goroutine. It may
// not block.
func (t DurableTarget) store(n *Node, e *peer.Encoded, done func(err error)) error {
	d := n.durable
	if d == nil {
		return fmt.Errorf("%w: no Config.Durability", ErrNoStore)
	}
	if len(t.user)+len(t.room) == 0 || len(t.user) > MaxName || len(t.room) > room.MaxName || len(t.id) > MaxName {
		return ErrName
	}
	data, err := appendStored(t.id, e)
	if err != nil {
		return err
	}
	return d.publish(t, data, done)
}

// DurableReady waits until the store is there. Without Config.Durability it is ErrNoStore, and if
// ctx ends before, that with the reason.
func (n *Node) DurableReady(ctx context.Context) error {
	if n.durable == nil {
		return fmt.Errorf("%w: no Config.Durability", ErrNoStore)
	}
	select {
	case <-n.durable.ready:
		return nil
	case <-n.done:
		return n.Err()
	case <-ctx.Done():
		return n.durable.whyNot()
	}
}

// DurableStats is what a node has counted of durable packets.
type DurableStats struct {
	Waiting   uint64 // packets in the store that are for users at any node, as of some seconds ago
	Stored    uint64 // packets of this node that were stored
	Refused   uint64 // packets of this node that were not stored
	Doubled   uint64 // packets of this node that were in the store already, by their id
	Delivered uint64 // packets that were sent to members at this node
	Acked     uint64 // of these, what was acknowledged
	Returned  uint64 // of these, what was not acknowledged when its user went: he has it again when he comes
	Skipped   uint64 // packets that Durability.Deliver did not want sent
	Lost      uint64 // how often a part of the store was lost, as told by Durability.OnLost
	Dropped   uint64 // packets that were dropped, as told by Durability.OnDropped
}
