package cluster

// What nodes tell each other on their conns, in the packet of a feature: where users are,
// which rooms have members, and packets for them.

import (
	"errors"
	"fmt"

	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// Feature is the one by which servers know each other's nodes. It is in force on other conns
// too, where its packet is bad input.
const Feature peer.Feature = 6

// Kinds of what is told: each is the first element of an array.
const (
	toldBegin   = iota // [0]: the entries that follow are all there are,
	toldEnd            // [1]: up to here
	toldSet            // [2, room, user, time]
	toldDrop           // [3, room, user, time]
	toldUser           // [4, user, time, packet, payload]: for a user at this node since then
	toldRoom           // [5, room, packet, payload]: for the members at this node
	toldMissed         // [6, user, packet]: the user was not there
	toldSession        // [7, message]: about a session that goes from node to node
)

// errTold is that another node tells what cannot be read.
var errTold = errors.New("cluster: a node says what cannot be read")

// extend has the server and the client know the feature.
func (n *Node) extend() error {
	err := n.srv.Extend(peer.Extension{Feature: Feature, Packet: n.told})
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	if err := n.cli.Extend(peer.Extension{Feature: Feature, Packet: n.answered}); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	n.srv.Observe(peer.Observer{Lost: n.incomingLost})
	return nil
}

// told takes in what another node tells: one thing after the other.
func (n *Node) told(c *peer.Conn, payload []byte) error {
	from := NodeOf(c)
	if from == "" {
		return peer.ReasonProtocol
	}
	for more := true; more; more = len(payload) > 0 {
		m, rest, err := nextTold(payload)
		if err != nil {
			return err
		}
		if err := n.hear(c, from, &m); err != nil {
			return err
		}
		payload = rest
	}
	return nil
}

// hear takes in one thing that another node tells.
func (n *Node) hear(c *peer.Conn, from string, m *message) error {
	n.mu.Lock()
	if !n.isNewest(c) {
		n.mu.Unlock()
		return nil // it is being ended
	}
	ended := n.learn(from, m)
	n.mu.Unlock()
	endAll(ended)
	switch m.kind {
	case toldUser:
		n.forUser(c, m)
	case toldRoom:
		n.forRoom(m)
	case toldSession:
		return n.travel.told(c, m.payload)
	}
	return nil
}

// learn takes what another node says of itself into the directory. mu is held. It returns the
// members that are to be ended.
func (n *Node) learn(from string, m *message) (ended []room.Member) {
	switch m.kind {
	case toldBegin:
		n.dir.Begin(from)
	case toldEnd:
		ended = n.follow(n.dir.End(from))
		n.usersChanged()
	case toldSet:
		ended = n.follow(n.dir.Set(from, m.entry))
	case toldDrop:
		ended = n.follow(n.dir.Drop(from, m.entry))
	}
	if (m.kind == toldSet || m.kind == toldDrop) && m.entry.Room == "" {
		n.userChanged(m.entry.User)
	}
	return ended
}

// answered takes in what the node at the other end of this one's own conn answers.
func (n *Node) answered(c *peer.Conn, payload []byte) error {
	m, err := readTold(payload)
	if err != nil {
		return err
	}
	if m.kind == toldSession {
		return n.travel.answered(c, m.payload)
	}
	if m.kind != toldMissed {
		return errTold
	}
	n.missed(m.entry.User, m.packet)
	return nil
}

// missed tells the program of a packet that did not reach its user.
func (n *Node) missed(user, packet string) {
	n.mu.Lock()
	n.stats.Missed++
	n.mu.Unlock()
	if n.cfg.OnMissed != nil {
		n.call(func() { n.cfg.OnMissed(user, packet) })
	}
}

// message is something told.
type message struct {
	kind    uint64
	entry   directory.Entry
	packet  string
	payload []byte
}

// shapes are how many elements each kind has, and what they are: r a room, u a user, t a time,
// p a packet's name, b its payload.
var shapes = [...]string{toldBegin: "", toldEnd: "", toldSet: "rut", toldDrop: "rut", toldUser: "utpb", toldRoom: "rpb", toldMissed: "up", toldSession: "b"}

// readTold reads the only thing that is told in b.
func readTold(b []byte) (message, error) {
	m, rest, err := nextTold(b)
	if err == nil && len(rest) > 0 {
		err = errTold
	}
	return m, err
}

// nextTold reads the first thing that is told in b. Its payload lies there.
func nextTold(b []byte) (m message, rest []byte, err error) {
	n, b, err := codec.ReadArrayHeader(b)
	if err != nil || n == 0 {
		return m, nil, errTold
	}
	if m.kind, b, err = codec.ReadUint(b); err != nil || m.kind >= uint64(len(shapes)) || n != 1+len(shapes[m.kind]) {
		return m, nil, errTold
	}
	for _, what := range shapes[m.kind] {
		if what == 't' {
			if m.entry.Time, b, err = codec.ReadUint(b); err != nil {
				return m, nil, errTold
			}
			continue
		}
		var text []byte
		if text, b, err = codec.ReadText(b); err != nil {
			return m, nil, errTold
		}
		switch what {
		case 'r':
			m.entry.Room = string(text)
		case 'u':
			m.entry.User = string(text)
		case 'p':
			m.packet = string(text)
		case 'b':
			m.payload = text
		}
	}
	return m, b, nil
}
