package cluster

// How a node tells the others which users and members it has: everything when a conn begins, a
// part at a time so that nobody waits for long, and from then on each change at once.

import (
	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/codec"
)

const (
	// toldAtOnce is how many bytes of entries go into one packet. With more, the node's lock
	// is held for longer; with less, packets cost more than what is in them.
	toldAtOnce = 16 << 10

	// toldAhead is how many bytes of a conn may wait before no more is told on it for now.
	// With more, other packets wait for them for longer; with less, telling everything takes
	// longer than the network does.
	toldAhead = 512 << 10
)

func appendEntry(b []byte, kind uint64, e directory.Entry) []byte {
	b = codec.AppendUint(codec.AppendArrayHeader(b, 4), kind)
	b = codec.AppendString(codec.AppendString(b, e.Room), e.User)
	return codec.AppendUint(b, e.Time)
}

func appendBare(b []byte, kind uint64) []byte {
	return codec.AppendUint(codec.AppendArrayHeader(b, 1), kind)
}

// tell tells all nodes of a change of this node's entries. A conn on which that is not
// possible begins anew, and has everything told again. mu is held.
func (n *Node) tell(kind uint64, e directory.Entry) {
	b := appendEntry(nil, kind, e)
	for _, o := range n.to {
		if o.conn != nil {
			n.say(o, b)
		}
	}
}

// say sends a packet of entries to a node. mu is held.
func (n *Node) say(o *outgoing, b []byte) {
	if err := o.conn.SendExtension(Feature, b); err != nil {
		o.conn.Abort(err)
		o.telling, o.untold = false, nil
	}
}

// tellAll begins to tell a node everything. Changes are told meanwhile as ever: an entry that
// has changed is told twice, and one that is gone is not told any more. mu is held.
func (n *Node) tellAll(o *outgoing) {
	o.telling, o.untold = true, n.dir.Keys()
	n.say(o, appendBare(nil, toldBegin))
	n.tellMore(o)
}

// tellMore tells a node a part of what is left, and has the conn's loop go on with it if there
// is room; else step does. mu is held.
func (n *Node) tellMore(o *outgoing) {
	if o.conn == nil || !o.telling || o.conn.Pending() > toldAhead {
		return
	}
	b := make([]byte, 0, toldAtOnce+2*MaxName)
	for len(o.untold) > 0 && len(b) < toldAtOnce {
		if e, ok := n.dir.Entry(o.untold[0]); ok {
			b = appendEntry(b, toldSet, e)
		}
		o.untold = o.untold[1:]
	}
	if len(o.untold) == 0 {
		b = appendBare(b, toldEnd)
		o.telling, o.untold = false, nil
	}
	n.say(o, b)
	if o.telling {
		c := o.conn
		c.Loop().Post(func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			if o.conn == c {
				n.tellMore(o)
			}
		})
	}
}
