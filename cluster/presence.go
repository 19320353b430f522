package cluster

// Presence: who is in a room, and where a user is, with a watch.

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/packetmq/packetmq/cluster/internal/directory"
)

// Presence is who is in a room, at all nodes, as far as this one knows. It costs nothing while
// nobody looks.
type Presence struct {
	node *Node
	room string
}

// Member is a member of a room. A user who is in it by several sessions or conns at one node is
// one member.
type Member struct {
	User string // "": it is bound to no user
	Node string
}

// Presence returns that of the room of a name.
func (n *Node) Presence(room string) Presence { return Presence{n, room} }

// Members are the members, by user and node.
func (p Presence) Members() (all []Member) {
	p.node.mu.Lock()
	defer p.node.mu.Unlock()
	for _, e := range p.node.dir.Members(p.room) {
		all = append(all, Member{shown(e.User), e.Node})
	}
	return all
}

// Watch has f called for each member: with here true for those that there are, and for those that
// come from now on; with here false when one has gone, also because its node is gone. For each
// member the two alternate. f is called on the server's first loop; stop ends it, and f is not
// called after stop has returned on that loop.
func (p Presence) Watch(f func(m Member, here bool)) (stop func()) {
	n := p.node
	w := &roomWatch{f: f, known: make(map[occupant]bool)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.roomWatches[p.room] = append(n.roomWatches[p.room], w)
	for _, e := range n.dir.Members(p.room) {
		n.call(func() { w.see(e) })
	}
	return func() {
		w.over.Store(true)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.roomWatches[p.room] = slices.DeleteFunc(slices.Clone(n.roomWatches[p.room]), func(x *roomWatch) bool { return x == w })
		if len(n.roomWatches[p.room]) == 0 {
			delete(n.roomWatches, p.room)
		}
	}
}

// roomWatch is one watch of a room.
type roomWatch struct {
	f    func(m Member, here bool)
	over atomic.Bool

	known map[occupant]bool // that f was told are there; on the first loop only
}

// occupant is a member of the room of a watch, by its name in the directory.
type occupant struct{ user, node string }

// see tells of a member that has joined or left. Events from before the watch began may come
// after what it began with.
func (w *roomWatch) see(e directory.Event) {
	o, here := occupant{e.User, e.Node}, e.Kind == directory.Joined
	if w.over.Load() || w.known[o] == here {
		return
	}
	if here {
		w.known[o] = true
	} else {
		delete(w.known, o)
	}
	w.f(Member{shown(e.User), e.Node}, here)
}

// WatchUser has f called with the node that a user is at, "" for none: once with where he is now,
// and then whenever that changes. While he goes from one node to another he may be at none. f is
// called on the server's first loop; stop ends it, as Presence.Watch has it.
func (n *Node) WatchUser(user string, f func(node string)) (stop func()) {
	w := &userWatch{f: f}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.userWatches[user] = append(n.userWatches[user], w)
	at, _ := n.dir.Where(user)
	w.at = at.Node
	n.call(func() { w.see(at.Node) })
	return func() {
		w.over.Store(true)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.userWatches[user] = slices.DeleteFunc(slices.Clone(n.userWatches[user]), func(x *userWatch) bool { return x == w })
		if len(n.userWatches[user]) == 0 {
			delete(n.userWatches, user)
		}
	}
}

// userWatch is one watch of a user.
type userWatch struct {
	f    func(node string)
	at   string // that f is told last; guarded by Node.mu
	over atomic.Bool
}

func (w *userWatch) see(node string) {
	if !w.over.Load() {
		w.f(node)
	}
}

// userChanged tells those who watch a user where he is now. mu is held.
func (n *Node) userChanged(user string) {
	watches := n.userWatches[user]
	if len(watches) == 0 {
		return
	}
	at, _ := n.dir.Where(user)
	for _, w := range watches {
		if w.at != at.Node {
			w.at = at.Node
			n.call(func() { w.see(at.Node) })
		}
	}
}

// usersChanged looks at all users who are watched. mu is held.
func (n *Node) usersChanged() {
	for _, user := range slices.Sorted(maps.Keys(n.userWatches)) {
		n.userChanged(user)
	}
}

// present tells the program of a member that has joined or left, on the server's first loop. mu
// is held, so that what happens is told in its order.
func (n *Node) present(e directory.Event) {
	f := n.cfg.Joined
	if e.Kind == directory.Left {
		f = n.cfg.Left
	}
	if f != nil {
		n.call(func() { f(e.Room, shown(e.User), e.Node) })
	}
	for _, w := range n.roomWatches[e.Room] {
		n.call(func() { w.see(e) })
	}
}
