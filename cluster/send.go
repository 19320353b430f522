package cluster

// Send: a packet to a user or a room, at whatever nodes.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
)

// Target is a User or a Room.
type Target interface {
	// send sends a packet on behalf of n.
	send(n *Node, e *peer.Encoded) error
}

// Send sends v as a packet of type pkt. What one goroutine sends to a target arrives in the
// order of its calls, as long as the nodes between which it travels are there.
//
// To a user: ErrNoUser if no node has him, ErrNoNode if there is no conn to his, and the errors
// of peer.Send and session.Send. To a room: nil if it was sent wherever it has members; else
// the error of a node that it was not sent to, such as peer.ErrBackpressure, while others got
// it. A member that cannot be sent to keeps nobody else from it: see room.Stats.
//
// v is encoded once, and crosses to each node once. Any goroutine may call it.
func Send[T any](n *Node, to Target, pkt registry.Packet[T], v *T) error {
	e, err := peer.Encode(n.srv, pkt, v)
	if err != nil {
		return err
	}
	defer e.Release()
	return to.send(n, e)
}

func (u User) send(n *Node, e *peer.Encoded) error {
	n.mu.Lock()
	if n.err != nil {
		defer n.mu.Unlock()
		return n.err
	}
	b := n.users[string(u)]
	at, ok := n.dir.Where(string(u))
	var c *peer.Conn
	if o := n.to[at.Node]; o != nil {
		c = o.conn
	}
	n.mu.Unlock()
	switch {
	case b != nil:
		return sendHere(b.member, e)
	case !ok:
		return ErrNoUser
	case c == nil:
		return fmt.Errorf("%w: %s", ErrNoNode, at.Node)
	}
	m := codec.AppendUint(codec.AppendArrayHeader(nil, 5), toldUser)
	m = codec.AppendUint(codec.AppendString(m, string(u)), at.Time)
	m, err := appendPacket(m, e)
	if err != nil {
		return err
	}
	return c.SendExtension(Feature, m)
}

func (r Room) send(_ *Node, e *peer.Encoded) error {
	return errors.Join(r.Here().SendEncoded(e), r.SendElsewhere(e))
}

// SendElsewhere sends a packet to the members at other nodes, as room.Send does. The errors are
// those that Send returns for rooms.
func (r Room) SendElsewhere(e *peer.Encoded) error {
	n := r.node
	if n == nil {
		return room.ErrNoRoom
	}
	n.mu.Lock()
	if n.err != nil {
		defer n.mu.Unlock()
		return n.err
	}
	var conns []*peer.Conn
	var failed error
	for node := range n.dir.NodesOf(r.name) {
		if o := n.to[node]; o != nil && o.conn != nil {
			conns = append(conns, o.conn)
		} else {
			failed = fmt.Errorf("%w: %s", ErrNoNode, node)
		}
	}
	n.stats.Crossed += uint64(len(conns))
	n.mu.Unlock()
	if len(conns) == 0 {
		return failed
	}
	m := codec.AppendUint(codec.AppendArrayHeader(nil, 4), toldRoom)
	m, err := appendPacket(codec.AppendString(m, r.name), e)
	if err != nil {
		return err
	}
	for _, c := range conns {
		if err := c.SendExtension(Feature, m); err != nil {
			failed = err
		}
	}
	return failed
}

// appendPacket appends a packet's name and its payload.
func appendPacket(b []byte, e *peer.Encoded) ([]byte, error) {
	payload, err := e.AppendPayload(nil)
	if err != nil {
		return nil, err
	}
	return codec.AppendBytes(codec.AppendString(b, e.Packet().Name()), payload), nil
}

// sendHere sends a packet to a member at this node.
func sendHere(m room.Member, e *peer.Encoded) error {
	switch m := m.(type) {
	case *session.Session:
		return m.SendEncoded(e)
	case *peer.Conn:
		return e.SendTo(m)
	}
	return room.ErrNoMember
}

// encoded is a packet that came from another node. nil: this one has no such packet.
func (n *Node) encoded(m *message) *peer.Encoded {
	t, err := n.srv.Registry().Lookup(m.packet)
	if err != nil {
		return nil
	}
	e, err := n.srv.EncodeRaw(t, m.payload)
	if err != nil {
		return nil
	}
	return e
}

// forUser sends a packet on to a user at this node. If that is not possible, its sender is
// told.
func (n *Node) forUser(c *peer.Conn, m *message) {
	n.mu.Lock()
	b := n.users[m.entry.User]
	n.mu.Unlock()
	if e := n.encoded(m); e != nil && b != nil && b.time == m.entry.Time {
		defer e.Release()
		if sendHere(b.member, e) == nil {
			return
		}
	}
	answer := codec.AppendUint(codec.AppendArrayHeader(nil, 3), toldMissed)
	answer = codec.AppendString(codec.AppendString(answer, m.entry.User), m.packet)
	if err := c.SendExtension(Feature, answer); err != nil {
		c.Abort(err) // so that the sender is told at least that
	}
}

// forRoom sends a packet on to the members of a room at this node.
func (n *Node) forRoom(m *message) {
	e := n.encoded(m)
	if e == nil {
		n.cfg.Logger.Warn("packet of another node is unknown", "packet", m.packet, "room", m.entry.Room)
		return
	}
	defer e.Release()
	n.rooms.Room(m.entry.Room).SendEncoded(e)
}
