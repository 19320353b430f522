package cluster

// Rooms with members at any node.

import (
	"fmt"

	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/room"
)

// Room is a room with members at any node: a Target of Send, and of room.Send. It exists while it
// has members.
type Room struct {
	node *Node
	name string
}

// inside is that a member of this node's is in a room.
type inside struct {
	room   string
	member room.Member
}

// Room returns the room of that name.
func (n *Node) Room(name string) Room { return Room{n, name} }

// Name is the room's name.
func (r Room) Name() string { return r.name }

// Join makes m, a session or a conn of this node's server, a member, as room.Room.Join does.
// Other nodes know it as the user that it is bound to by then.
func (r Room) Join(m room.Member) error { return r.Here().Join(m) }

// Leave ends m's membership. It returns false if m was no member.
func (r Room) Leave(m room.Member) bool { return r.Here().Leave(m) }

// Here is the part of the room that is at this node.
func (r Room) Here() room.Room {
	if r.node == nil {
		return room.Room{}
	}
	return r.node.rooms.Room(r.name)
}

// place is a user's place in a room at this node, whatever he is in it by.
type place struct{ room, user string }

// memberJoined tells other nodes of a member. On its loop.
func (n *Node) memberJoined(r room.Room, m room.Member) {
	n.mu.Lock()
	defer n.mu.Unlock()
	user := n.names[m]
	if user == "" {
		n.unnamed++
		user = fmt.Sprint("\x00", n.unnamed)
	}
	n.inside[inside{r.Name(), m}] = user
	p := place{r.Name(), user}
	if n.places[p]++; n.places[p] == 1 {
		n.tell(toldSet, n.dir.Join(p.room, user))
		n.present(directory.Event{Kind: directory.Joined, Room: p.room, User: user, Node: n.self.Name})
	}
}

// memberLeft tells other nodes that a member is one no more. On its loop.
func (n *Node) memberLeft(r room.Room, m room.Member, _ error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	k := inside{r.Name(), m}
	p := place{r.Name(), n.inside[k]}
	delete(n.inside, k)
	if n.places[p]--; n.places[p] > 0 {
		return // he is in it by another one
	}
	delete(n.places, p)
	if e, ok := n.dir.Leave(p.room, p.user); ok {
		n.tell(toldDrop, e)
	}
	n.present(directory.Event{Kind: directory.Left, Room: p.room, User: p.user, Node: n.self.Name})
}
