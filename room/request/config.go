package request

// Config: who may join what, and how often clients may ask.

import (
	"github.com/packetmq/packetmq/call"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/rate"
	"github.com/packetmq/packetmq/room"
)

// DefaultRate is how many requests a conn may make if Config.Rate is zero. A client that has
// just connected may join as many rooms at once as a member may be in by default. With more a
// second, a client that joins and leaves all the time makes more work for those whom the program
// tells of it.
var DefaultRate = rate.Limit{PerSecond: 20, Burst: room.DefaultMemberships}

// ReasonFlood ends a conn that makes requests ten times as fast as it may, after four times as
// many as it may make at once: each is answered, and costs more to answer than to make.
const ReasonFlood peer.Reason = "reason.requestflood"

// Config has the settings of requests. With the zero Config, and with nil, nobody may join.
type Config struct {
	// May decides whether a client may join the room of this name, or subscribe to this
	// pattern, which is well formed. The client is told an error as the caller of a call is
	// (call.Handle): ErrRefused, an error of the program's with a name, call.Errorf; of any
	// other only that it was one, and this side's log has it. A peer.Reason ends the conn.
	//
	// It is called on the conn's loop, and must not wait there: see Waits. It is not asked
	// about leaving. A nil May refuses everything with ErrRefused.
	//
	// A pattern with wildcards asks for subjects that nobody has published yet: room.Covers
	// compares it with one that is allowed.
	May func(c *call.Context, name string) error

	// Waits has May called on a worker goroutine, where it may ask a database. A conn's
	// requests, leaves too, are then done one after the other, in the order of the calls; the
	// conn is not read while more than peer.Config.WorkInOrder wait. A client that has given up
	// or is gone meanwhile does not join.
	Waits bool

	// Member is who joins for a conn, such as its session. It is called on the conn's loop, and
	// nil says that nobody does: ErrRefused. Without this function the conn itself joins.
	Member func(c *peer.Conn) room.Member

	// Rate bounds the requests of a conn, joins and leaves together. One that is over it fails
	// with rate.ErrLimited, and a flood ends the conn: see ReasonFlood. Zero: DefaultRate.
	// PerSecond: math.Inf(1) is no bound.
	Rate rate.Limit
}

func (cfg *Config) withDefaults() Config {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if c.May == nil {
		c.May = func(*call.Context, string) error { return ErrRefused }
		c.Waits = false
	}
	if c.Member == nil {
		c.Member = func(c *peer.Conn) room.Member { return c }
	}
	if !(c.Rate.PerSecond > 0) { // not a number, too
		c.Rate = DefaultRate
	}
	return c
}
