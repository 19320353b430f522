package inspect

// Cluster: what a node of a cluster tells of itself and of the others.

// Cluster is what one node of a cluster knows. Module cluster makes it, for Config.Cluster.
type Cluster struct {
	Node      string `json:"node"` // this one
	Users     int    `json:"users"`
	Routes    int    `json:"routes"`    // of its own NATS server to others; 0: it has none of its own
	Crossed   uint64 `json:"crossed"`   // packets for rooms that were sent to another node
	Missed    uint64 `json:"missed"`    // packets for users who were not there any more
	Malformed uint64 `json:"malformed"` // messages that could not be read

	Nodes []Node `json:"nodes"` // the others, in the order of their names

	Durable *Durable `json:"durable,omitempty"` // nil: the node keeps no durable packets
}

// Durable is what a node has counted of packets that wait in a store for users who are away.
type Durable struct {
	Why       string `json:"why,omitempty"` // there is no store; "": there is
	Waiting   uint64 `json:"waiting"`       // packets in the store that are for users at any node, as of some seconds ago
	Stored    uint64 `json:"stored"`        // packets of this node
	Refused   uint64 `json:"refused"`       // packets of this node that were not stored
	Doubled   uint64 `json:"doubled"`       // packets of this node that were in the store already
	Delivered uint64 `json:"delivered"`     // packets that were sent to members at this node
	Acked     uint64 `json:"acked"`         // of these, what was acknowledged
	Returned  uint64 `json:"returned"`      // of these, what comes again
	Skipped   uint64 `json:"skipped"`       // packets that the program did not want sent
	Dropped   uint64 `json:"dropped"`       // packets that waited for too long, or could not be sent
	Lost      uint64 `json:"lost"`          // how often a part of the store was lost
}

// Node is another node.
type Node struct {
	Node     string   `json:"node"`
	Up       bool     `json:"up"`  // there is a conn to it
	Age      float64  `json:"age"` // of that conn, in seconds
	RTT      float64  `json:"rtt"` // of its last heartbeat, in seconds; 0: none came back
	Users    int      `json:"users"`
	Services []string `json:"services,omitempty"`

	// UnderWay is what it has not acknowledged, and PendingOut what waits here for it, in bytes.
	UnderWay   int `json:"under_way"`
	PendingOut int `json:"pending_out"`

	// Gaps and Resent are how often something was missing in what it sends and has been asked
	// for again, and how many bytes it was sent again, in the conns that there are.
	Gaps   uint64 `json:"gaps"`
	Resent uint64 `json:"resent"`
}
