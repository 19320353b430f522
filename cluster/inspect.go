package cluster

// Inspect: what an operator wants to know of the nodes.

import (
	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/peer"
)

// Inspect returns what this node knows of the cluster, for inspect.Config.Cluster: so it stands on
// the console, and in the metrics. Any goroutine may call it.
func (n *Node) Inspect() *inspect.Cluster {
	s := n.Stats()
	c := &inspect.Cluster{
		Node: n.self.Name, Users: s.Users, Routes: s.Routes,
		Crossed: s.Crossed, Missed: s.Missed, Malformed: s.Malformed, Nodes: []inspect.Node{},
		Durable: n.durable.inspect(),
	}
	n.mu.Lock()
	users := n.dir.Users()
	conns := make(map[string]*peer.Conn)
	for _, h := range n.members.All() {
		c.Nodes = append(c.Nodes, inspect.Node{Node: h.From.Name, Users: users[h.From.Name], Services: h.Services})
		if o := n.to[h.From.Name]; o != nil && o.conn != nil {
			conns[h.From.Name] = o.conn
		}
	}
	streams := n.streamsWith(func(*stream) bool { return true })
	n.mu.Unlock()
	for i := range c.Nodes {
		x := &c.Nodes[i]
		if conn := conns[x.Node]; conn != nil {
			x.Up, x.RTT, x.PendingOut = true, conn.RTT().Seconds(), conn.Pending()
			x.Age = conn.Age().Seconds()
		}
		for _, st := range streams {
			if st.id.far.Name == x.Node {
				st.count(x)
			}
		}
	}
	return c
}

// count adds what is under way on the stream, and what was missing.
func (s *stream) count(x *inspect.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.UnderWay += s.link.UnderWay()
	x.Gaps += s.link.Gaps()
	x.Resent += s.link.Resent()
}

// inspect is what the console shows of durable packets, nil where none are kept.
func (d *durable) inspect() *inspect.Durable {
	if d == nil {
		return nil
	}
	s := d.counts()
	x := &inspect.Durable{
		Waiting: s.Waiting, Stored: s.Stored, Refused: s.Refused, Doubled: s.Doubled, Delivered: s.Delivered,
		Acked: s.Acked, Returned: s.Returned, Skipped: s.Skipped, Dropped: s.Dropped, Lost: s.Lost,
	}
	if err := d.whyNot(); err != nil {
		x.Why = err.Error()
	}
	return x
}
