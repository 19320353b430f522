package cluster

// Users: who is bound to which session or conn, at which node.

import (
	"strings"

	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
	"github.com/packetmq/packetmq/session"
)

// binding is that a user is at this node.
type binding struct {
	member room.Member
	time   uint64 // of its entry in the directory
	sent   *durableMarks
}

// User is a user, wherever he is: a Target.
type User string

// Bind says that a user is m from now on, a *session.Session or a *peer.Conn of this node's
// server, until that ends, is bound to another user, or Unbind. Where he was before, at this node
// or another, is ended with ReasonElsewhere. Of two binds at two nodes at about the same time one
// ends, by the nodes' clocks.
func (n *Node) Bind(m room.Member, user string) error { return n.bind(m, user, 0, new(durableMarks)) }

// bind is Bind for a member that was bound at another node at a time, 0 if at none, of which this node
// may not have heard yet; and that has had the durable packets up to some marks.
func (n *Node) bind(m room.Member, user string, before uint64, sent *durableMarks) error {
	if user == "" || len(user) > MaxName || strings.ContainsRune(user, 0) {
		return ErrName
	}
	if err := n.checkMember(m); err != nil {
		return err
	}
	n.mu.Lock()
	if n.err != nil {
		n.mu.Unlock()
		return n.err
	}
	if before := n.names[m]; before != "" && before != user {
		n.unbindHere(before, n.users[before])
	}
	old := n.users[user]
	if old != nil && old.member == m {
		n.mu.Unlock()
		return nil
	}
	if old != nil {
		delete(n.names, old.member)
	}
	last, _ := n.dir.Where(user)
	e := n.dir.Bind(user, max(uint64(n.clock().UnixMilli()), before+1))
	b := &binding{member: m, time: e.Time, sent: sent}
	n.users[user] = b
	n.names[m] = user
	n.tell(toldSet, e)
	n.userChanged(user)
	n.durable.bound(user, b, last.Node)
	n.mu.Unlock()
	if old != nil {
		end(old.member)
	}
	m.OnLost(func(error) { n.unbind(user, b) })
	return nil
}

// checkMember returns why a user cannot be bound to m.
func (n *Node) checkMember(m room.Member) error {
	switch m := m.(type) {
	case *session.Session:
		if m != nil {
			return nil
		}
	case *peer.Conn:
		if m == nil || m.Peer() != n.srv.Peer {
			return peer.ErrNoConn
		}
		return nil
	}
	return room.ErrNoMember
}

// Unbind takes Bind back. It returns false if m was no user.
func (n *Node) Unbind(m room.Member) bool {
	n.mu.Lock()
	user := n.names[m]
	b := n.users[user]
	n.mu.Unlock()
	return b != nil && n.unbind(user, b)
}

func (n *Node) unbind(user string, b *binding) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users[user] != b {
		return false
	}
	n.unbindHere(user, b)
	return true
}

// unbindHere takes a binding back. mu is held.
func (n *Node) unbindHere(user string, b *binding) {
	delete(n.users, user)
	delete(n.names, b.member)
	if e, ok := n.dir.Unbind(user, b.time); ok {
		n.tell(toldDrop, e)
	}
	n.userChanged(user)
	n.durable.unbound(user, b)
}

// end ends the session or conn of a user who is elsewhere.
func end(m room.Member) {
	switch m := m.(type) {
	case *session.Session:
		m.End(ReasonElsewhere)
	case *peer.Conn:
		m.Softquit(ReasonElsewhere)
	}
}

// endAll ends the members of users who are elsewhere.
func endAll(list []room.Member) {
	for _, m := range list {
		end(m)
	}
}

// Where is the node that a user is at, "" if at none that this one knows of.
func (n *Node) Where(user string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, _ := n.dir.Where(user)
	return s.Node
}

// follow does what follows from what another node has told. mu is held. The members that it
// returns are to be ended, without mu.
func (n *Node) follow(events []directory.Event) (ended []room.Member) {
	for _, e := range events {
		switch e.Kind {
		case directory.Moved:
			if b := n.users[e.User]; b != nil {
				n.unbindHere(e.User, b)
				ended = append(ended, b.member)
			}
		case directory.Joined, directory.Left:
			n.present(e)
		}
	}
	return ended
}

// shown is the user of an entry, "" for a member that is none.
func shown(user string) string {
	if strings.HasPrefix(user, "\x00") {
		return ""
	}
	return user
}
