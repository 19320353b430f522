package cluster

// Stats is what a node has counted, and what it has.
type Stats struct {
	Nodes        int    // other nodes that there is a conn to
	Users        int    // at this node
	Routes       int    // of Config.Server to other nodes' servers
	Streams      int    // to other nodes, in both directions
	Crossed      uint64 // packets for rooms that were sent to another node
	Missed       uint64 // packets for users who were not there any more
	Gaps         uint64 // how often something was missing in a stream, and was asked for
	Resent       uint64 // bytes that were sent again
	Arrived      uint64 // sessions that have come from another node
	Departed     uint64 // sessions that were given to another node
	Restored     uint64 // sessions that have come from a copy
	CopiesFailed uint64 // copies of sessions that could not be kept, and were tried again
	Strangers    uint64 // hellos of nodes for which there was no room
	Malformed    uint64 // messages that could not be read
	Durable      DurableStats
}

// Stats returns what the node has counted.
func (n *Node) Stats() Stats {
	n.mu.Lock()
	s := n.stats
	s.Users, s.Streams = len(n.users), len(n.streams)
	for _, o := range n.to {
		if o.conn != nil {
			s.Nodes++
		}
	}
	streams := n.streamsWith(func(*stream) bool { return true })
	n.mu.Unlock()
	if n.cfg.Server != nil {
		s.Routes = n.cfg.Server.Routes()
	}
	for _, st := range streams {
		gaps, resent := st.counts()
		s.Gaps += gaps
		s.Resent += resent
	}
	s.Durable = n.durable.counts()
	return s
}
