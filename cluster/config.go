package cluster

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/packetmq/packetmq/cluster/internal/members"
	"github.com/packetmq/packetmq/peer"
)

const (
	// DefaultLease is Config.Lease if that is 0.
	DefaultLease = 2 * time.Second

	// MinLease is the shortest lease.
	MinLease = 200 * time.Millisecond

	// MaxNodes is how many other nodes a node knows at most. Of them, MaxStrangers may be there with
	// whom it has not spoken yet: hellos of others are refused, counted by Stats.Strangers and logged,
	// until one of those answers or does not answer in time. A node that it has spoken with makes
	// room for none of them.
	MaxNodes     = members.MaxNodes
	MaxStrangers = members.MaxStrangers

	// MaxName is how long the names of nodes, users and services may be, in bytes.
	MaxName = 128
)

// ReasonElsewhere ends the session, or the conn, of a user who is bound later at another node,
// or again at this one.
const ReasonElsewhere peer.Reason = "reason.elsewhere"

// Server is a NATS server that a node starts and stops, such as an *embedded.Server of module
// cluster/embedded.
type Server interface {
	// Start starts the server of the node of that name, and returns a connection to it.
	Start(ctx context.Context, node string) (*nats.Conn, error)

	// Stop stops it. It is called once after a Start that has not failed.
	Stop()

	// Routes are how many other servers it is connected to.
	Routes() int
}

// Config has the settings of a node. Server or NATS must be set. Functions are called on the
// server's first loop, one after the other.
type Config struct {
	// Name is the node's, which no other one has at the same time: of two, the one that was
	// started later stays. Letters, digits, - and _. Default: the host's name and the
	// process' number.
	Name string

	// Server is a NATS server that runs as long as the node does: Join starts it, and Leave
	// stops it.
	Server Server

	// NATS is the connection to use if there is no Server. It stays the program's, and is to
	// reconnect for ever, as nats.MaxReconnects(-1) has it.
	NATS *nats.Conn

	// Prefix begins the subjects that are used. Nodes with another one are another cluster.
	// Whoever may publish there is a node: let NATS keep others out. Default: "packetmq".
	Prefix string

	// Services are what this node offers to those who ask for Node.Service.
	Services []string

	// Travel is for sessions that go from node to node. Default: they do not.
	Travel Travel

	// Lease is how long a node may be silent before it is taken for gone. All nodes of a
	// cluster should have the same. Default: 2 s. Less than 200 ms is 200 ms.
	Lease time.Duration

	// OnUp is called when there is a conn to another node, and OnDown when there is none any
	// more: what was sent to it last may not have come. reason says why.
	OnUp   func(node string)
	OnDown func(node string, reason error)

	// OnGap is called when something was missing in the stream from another node, and was asked
	// for again. n is how often that has happened with the conn so far.
	OnGap func(node string, n uint64)

	// OnMissed is called when a packet for a user came to a node where he is no more. It is
	// lost; the program may send it again.
	OnMissed func(user, packet string)

	// Joined and Left are called for each member of a room at any node, this one among them:
	// once when this node knows of it, and once when it is over, also because its node is gone.
	// user is "" for a member that is bound to no user.
	Joined func(room, user, node string)
	Left   func(room, user, node string)

	// Durability has packets for Durable targets kept in JetStream. Default: none are.
	Durability *Durability

	// Logger gets what an operator may want to know. Default: nothing is logged.
	Logger *slog.Logger
}
