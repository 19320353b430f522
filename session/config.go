package session

// Config: the settings of sessions, at a server and at a client.

import (
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// Defaults of Config.
const (
	DefaultPackets    = 4096
	DefaultBytes      = 256 << 10
	DefaultAway       = 2 * time.Minute
	DefaultSessions   = 65536
	DefaultAckEvery   = time.Second
	DefaultAckPackets = 256
	DefaultAckBytes   = 16 << 10
)

// Config has the settings of a server's sessions, or of one session of a client. The zero
// Config, like nil, means the defaults.
//
// Its functions are called on the loop of the conn that carries the session or carried it
// last, one after the other, without a lock; MayBegin and MayResume on the loop of the conn
// that asks, which may be another one. A panic in one of them is logged, and ends nothing; in
// MayBegin and MayResume it refuses.
type Config struct {
	// Packets is how many packets of this side may wait to be acknowledged. Default: 4,096.
	Packets int

	// Bytes is how many bytes their payloads may have together. A packet that is longer cannot
	// be sent. A session takes up to twice as much memory. Default: 256 KiB.
	Bytes int

	// Overflow is what happens to a packet for which there is no room in these bounds:
	// registry.Refuse has Send return ErrFull, registry.CloseSlow ends the session with it, and
	// DropNewest and DropOldest both drop the packet, which is counted in Stats. A packet type's
	// own policy goes before it. Default: Refuse.
	Overflow registry.Overflow

	// Away is how long a session waits for its client, or for its server, before it ends with
	// ErrExpired. Default: 2 minutes.
	Away time.Duration

	// AckEvery is how long a packet of the other side's waits at most before it is
	// acknowledged. Default: 1 s.
	AckEvery time.Duration

	// AckPackets is after how many packets they are acknowledged, or after a quarter of what
	// the other side may keep. Default: 256.
	AckPackets int

	// AckBytes is the same for bytes. Default: 16 KiB.
	AckBytes int

	// OnNew is called when a session has begun: at the server before its first packet, at the
	// client when the server has accepted it. Default: none.
	OnNew func(s *Session)

	// OnAway is called when a session has lost its conn, with what peer.Events.OnLost is told,
	// or with ErrSuperseded just before another conn carries it. What is sent to the session
	// meanwhile waits in it. Default: none.
	OnAway func(s *Session, reason error)

	// OnBack is called after OnAway, when a conn carries the session again, before the first
	// packet that comes on it. gap is how long the session was away. Default: none.
	OnBack func(s *Session, gap time.Duration)

	// OnEnd is called exactly once for each session, after its members' OnLost. unacked are the
	// packets of this side that the other side has not acknowledged, the oldest first: those
	// may have arrived or not. The program may keep them. Default: none.
	OnEnd func(s *Session, reason error, unacked []Packet)

	Service
}

// Service is the part of Config that only a server has use for.
type Service struct {
	// Sessions is how many there may be, those that are away included. One more is refused.
	// Default: 65,536.
	Sessions int

	// PerAddr is how many sessions conns of one IPv4 address or one IPv6 /64 may have begun that
	// have not ended, so that nobody can have all of Sessions. One more is refused. Imported
	// sessions do not count. Default: a sixteenth of Sessions, 64 at least, and no bound for the
	// machine's own loopback addresses.
	PerAddr int

	// Node is the first part of the ids of sessions, for programs that run on more than one
	// machine. Default: 0.
	Node uint16

	// Epoch is the second part. It has to be another one each time that the server is started.
	// Default: the seconds since 1970.
	Epoch uint32

	// MayBegin decides whether a conn may begin a session: nil is yes. Authenticate has let
	// the conn in before. Default: every conn may.
	MayBegin func(c *peer.Conn) error

	// MayResume decides whether a conn may carry on with a session, whose secret it has shown:
	// a program whose conns have identities compares them here. The session may have another
	// loop than c until then. Default: the secret is enough.
	MayResume func(s *Session, c *peer.Conn) error
}

func (c *Config) withDefaults() *Config {
	var d Config
	if c != nil {
		d = *c
	}
	setDefault(&d.Packets, DefaultPackets)
	setDefault(&d.Bytes, DefaultBytes)
	setDefault(&d.Away, DefaultAway)
	setDefault(&d.AckEvery, DefaultAckEvery)
	setDefault(&d.AckPackets, DefaultAckPackets)
	setDefault(&d.AckBytes, DefaultAckBytes)
	setDefault(&d.Sessions, DefaultSessions)
	d.Packets, d.Bytes = min(d.Packets, maxPackets), min(d.Bytes, maxBytes)
	if d.Overflow == 0 || d.Overflow > registry.DropOldest {
		d.Overflow = registry.Refuse
	}
	if d.Epoch == 0 {
		d.Epoch = uint32(time.Now().Unix())
	}
	return &d
}

// Bounds on Config, so that sizes and their doubles are ints on any machine.
const (
	maxPackets = 1 << 24
	maxBytes   = 1 << 29
)

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func (c *Config) window() window { return window{uint32(c.Packets), uint32(c.Bytes)} }
