package inspect

// What is shown, as a program gets it and as it stands in the JSON. The names are those of the
// attributes in the log.

import "time"

// Snapshot is what a peer does at about one moment. Its parts are gathered one after the
// other, while the loops go on.
type Snapshot struct {
	Totals

	// Matching is how many conns there are that the Query asks for, of which Conns has the
	// first ones.
	Matching int    `json:"matching"`
	Sort     string `json:"sort"`
	Conns    []Conn `json:"conns"`
}

// Totals are a Snapshot without its conns.
type Totals struct {
	Time time.Time `json:"time"`

	// Incomplete says what is missing, and why: a loop that did not answer in time, such as
	// one of a reactor that is stopped. It is empty if nothing is.
	Incomplete string `json:"incomplete,omitempty"`

	Open   int    `json:"open"`   // conns, those in their handshake and at their end among them
	Active int    `json:"active"` // conns whose handshake is complete
	Made   uint64 `json:"made"`   // handshakes completed since the peer was made

	Packets   []Packet `json:"packets"` // in the order of the registry
	Ends      []Count  `json:"ends"`    // conns that were lost, by reason; most first
	Refused   []Count  `json:"refused"` // accepted sockets closed at once, by error; most first
	Unhandled []Count  `json:"unhandled,omitempty"`
	Differing []Count  `json:"differing,omitempty"`
	Unknown   uint64   `json:"unknown"` // packets of unknown ids

	Loops  []Loop  `json:"loops"`
	Limits []Limit `json:"limits"` // nearest first

	Cluster *Cluster `json:"cluster,omitempty"` // with Config.Cluster
}

// Conn is one conn.
type Conn struct {
	Conn       uint64  `json:"conn"` // its number
	Remote     string  `json:"remote"`
	Transport  string  `json:"transport"`
	State      string  `json:"state"`
	Paused     bool    `json:"paused,omitempty"`
	Age        float64 `json:"age"` // in seconds
	Loop       int     `json:"loop"`
	Version    string  `json:"version,omitempty"` // of the other side's program
	RTT        float64 `json:"rtt"`               // of the last heartbeat, in seconds; 0: none came back
	PendingIn  int     `json:"pending_in"`        // bytes that came and no handler has seen
	PendingOut int     `json:"pending_out"`       // bytes that wait for the other side
	In         Traffic `json:"in"`
	Out        Traffic `json:"out"`
	Dropped    uint64  `json:"dropped"` // packets, by the overflow policy

	Packets []Packet `json:"packets,omitempty"` // by type, most bytes first
	Rooms   []string `json:"rooms,omitempty"`
	Session string   `json:"session,omitempty"`
}

// Traffic is a number of packets and the bytes of their frames.
type Traffic struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// Packet is one packet type. Its name is empty for the types that are not counted one by one.
type Packet struct {
	Packet  string       `json:"packet"`
	In      Traffic      `json:"in"`
	Out     Traffic      `json:"out"`
	Failed  uint64       `json:"failed"`
	Handler *HandlerTime `json:"handler,omitempty"` // with Config.Timing
}

// Loop is one loop of the peer's reactor.
type Loop struct {
	Loop      int    `json:"loop"`
	Missing   bool   `json:"missing,omitempty"` // it did not answer in time, and the rest is 0
	Conns     int    `json:"conns"`             // of all peers of the reactor
	Sockets   int    `json:"sockets"`
	Callbacks uint64 `json:"callbacks"`
	Posted    int    `json:"posted"` // functions that wait to be called
	Ready     int    `json:"ready"`  // conns that wait for a share of a turn
	Timers    int    `json:"timers"`
	KeptInput int64  `json:"kept_input"` // in bytes

	// Busy is the share of the time in which the loop was in a callback since the look
	// before; negative where there was none lately.
	Busy float64 `json:"busy"`

	// BusySeconds and WatchedSeconds are how long the loop was in callbacks, and how long it
	// was watched for that, since somebody looked first.
	BusySeconds    float64 `json:"busy_seconds"`
	WatchedSeconds float64 `json:"watched_seconds"`

	// Longest is how long the longest callback took in the last minute in which somebody
	// looked, in seconds, and LongestPacket the type of the last packet in it, empty if
	// there was none of this peer's.
	Longest       float64 `json:"longest"`
	LongestPacket string  `json:"longest_packet,omitempty"`
}

// Limit is one bound, and how much of it is used.
type Limit struct {
	Limit string `json:"limit"` // as in docs/bounds.md: the name of the setting
	Used  int64  `json:"used"`
	Most  int64  `json:"most"`
}

// Count is how often something happened.
type Count struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
}
