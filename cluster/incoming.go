package cluster

// The conns of other nodes to this one. A node has one at a time: a later one takes the place
// of the one before, of which nothing is handled any more.

import (
	"errors"

	"github.com/packetmq/packetmq/cluster/internal/link"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/room"
)

// errSuperseded ends a conn of a node that has begun another one.
var errSuperseded = errors.New("cluster: the node has begun another conn")

// incoming is what this node has of another one's conns. Guarded by the node's mu.
type incoming struct {
	newest streamID
	conn   *peer.Conn   // over newest; nil: nothing was told on it yet, or it has ended
	loop   *engine.Loop // of all conns of that node, so that they are handled in order
}

// begins reports whether a segment is the first one of a stream that this node does not know.
// A stream older than the newest one has ended, and what still comes of it is late. mu is held.
func (n *Node) begins(e *envelope) bool {
	if n.err != nil || !e.begun || e.segment.Seq != 0 || e.segment.Flags&link.Reset != 0 {
		return false
	}
	if h, ok := n.members.Get(e.from.Name); !ok || h.From != e.from {
		return false
	}
	in := n.from[e.from.Name]
	return in == nil || in.newest.far != e.from || in.newest.number < e.number
}

// accept takes a stream in that another node has begun. before are its streams until now. mu
// is held.
func (n *Node) accept(id streamID) (s *stream, before []*stream) {
	in := n.from[id.far.Name]
	if in == nil {
		in = &incoming{loop: n.nextLoop()}
		n.from[id.far.Name] = in
	}
	before = n.streamsWith(func(s *stream) bool { return s.id.far.Name == id.far.Name && !s.id.begun })
	in.newest = id
	s = newStream(n, id)
	n.add(s)
	return s, before
}

// isNewest reports whether a conn is the latest that its node has begun, and notes that it is
// in use. mu is held.
func (n *Node) isNewest(c *peer.Conn) bool {
	id := streamOf(c)
	in := n.from[id.far.Name]
	if in == nil || in.newest != id {
		return false
	}
	in.conn = c
	return true
}

// incomingLost forgets what a node has told, when the conn ends on which it has.
func (n *Node) incomingLost(c *peer.Conn, _ error) {
	from := NodeOf(c)
	if from == "" {
		return
	}
	n.mu.Lock()
	var ended []room.Member
	if in := n.from[from]; in != nil && in.conn == c {
		in.conn = nil
		ended = n.follow(n.dir.Forget(from))
		n.usersChanged()
	}
	n.mu.Unlock()
	endAll(ended)
}
