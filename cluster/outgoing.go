package cluster

// The conns of this node's own to the others: one to each node that is there.

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/packetmq/packetmq/cluster/internal/directory"
	"github.com/packetmq/packetmq/cluster/internal/link"
	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// outgoing is a node that is there, and the conn to it. Guarded by the node's mu.
type outgoing struct {
	id      members.ID
	conn    *peer.Conn      // nil: it is not made yet
	stream  streamID        // of conn, or of the one that is being made
	making  bool            // a conn is being made
	isUp    bool            // OnUp was posted, and OnDown was not since
	retryAt time.Duration   // no conn is made before
	wait    time.Duration   // after the next failure
	telling bool            // not everything was told on conn yet
	untold  []directory.Key // what is left to be told then
}

const (
	firstRetry = 50 * time.Millisecond // after a conn was not made; doubled each time
	lastRetry  = time.Second
)

// connectAll begins to make the conns that are missing, those with strangers a bounded number at a
// time. mu is held.
func (n *Node) connectAll(now time.Duration) {
	if n.err != nil {
		return
	}
	var due []*outgoing
	for _, o := range n.to {
		if o.conn == nil && !o.making && now >= o.retryAt && (n.connecting < MaxStrangers || n.members.IsProven(o.id)) {
			due = append(due, o)
		}
	}
	slices.SortFunc(due, func(a, b *outgoing) int { return cmp.Compare(a.id.Name, b.id.Name) })
	for _, o := range due {
		n.number++
		s := newStream(n, streamID{o.id, n.number, true})
		n.add(s)
		o.making, o.stream = true, s.id
		n.connecting++
		n.ended.Add(1)
		go n.connect(o, s, n.nextLoop())
	}
}

// nextLoop is the loop for a conn: each in turn. mu is held.
func (n *Node) nextLoop() *engine.Loop {
	loops := n.srv.Reactor().Loops()
	n.loop++
	return loops[n.loop%len(loops)]
}

// connect has a conn made over a stream. If that fails, step tries again.
func (n *Node) connect(o *outgoing, s *stream, on *engine.Loop) {
	defer n.ended.Done()
	ctx, cancel := context.WithTimeout(context.Background(), link.Patience)
	defer cancel()
	_, err := n.cli.Attach(ctx, s, on) // connected is called before it returns
	n.mu.Lock()
	n.connecting--
	n.mu.Unlock()
	if err == nil {
		return
	}
	gaps, resent := s.counts()
	n.drop(s, gaps, resent)
	n.cfg.Logger.Debug("conn to a node was not made", "node", o.id.Name, "err", err)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.members.Fail(o.id)
	if o.making && o.stream == s.id {
		o.making = false
		o.wait = min(max(2*o.wait, firstRetry), lastRetry)
		o.retryAt = n.now() + o.wait
	}
}

// connected begins the conversation on a conn to a node: everything that this one has to
// tell, once. On the conn's loop.
func (n *Node) connected(c *peer.Conn) {
	id := streamOf(c)
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.to[id.far.Name]
	if n.err != nil || o == nil || o.stream != id {
		c.Abort(errGone)
		return
	}
	n.members.Prove(id.far)
	o.conn, o.making, o.wait = c, false, 0
	n.tellAll(o)
	o.isUp = true
	if n.cfg.OnUp != nil {
		n.call(func() { n.cfg.OnUp(id.far.Name) })
	}
}

// outgoingLost is told of the end of each conn to a node. On the conn's loop.
func (n *Node) outgoingLost(c *peer.Conn, reason error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if o := n.to[NodeOf(c)]; o != nil && o.conn == c {
		o.conn, o.telling, o.untold = nil, false, nil
		o.retryAt = n.now()
		n.down(o, reason)
	}
}

// down tells the program that there is no conn to a node any more. mu is held.
func (n *Node) down(o *outgoing, reason error) {
	if o.isUp && n.cfg.OnDown != nil {
		n.call(func() { n.cfg.OnDown(o.id.Name, reason) })
	}
	o.isUp = false
}
