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
