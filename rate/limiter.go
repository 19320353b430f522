package rate

// Limiter: the buckets, and the middleware that takes tokens out of them.

import (
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/internal/throttle"
	"github.com/packetmq/packetmq/peer"
)

// Config is what a Limiter bounds. The zero Config bounds nothing.
type Config struct {
	// Conn is for each conn: all its packets that come through the Limiter, of any type.
	Conn Limit

	// Address is for each IPv4 address and each IPv6 /64: the packets of all its conns.
	// Conns without an IP address, as in memory and over Unix sockets, are not bounded by it.
	Address Limit

	// All is for all packets of all conns.
	All Limit

	// Over is asked about each packet that is over a limit, on the conn's loop, and its error
	// is treated as a handler's: nil drops the packet. Drop and End are ready made. Nil:
	// ErrLimited is returned.
	Over func(in *peer.Incoming) error

	// Logger gets a line about packets over a limit, at most ten a second. Nil: none.
	Logger *slog.Logger
}

// Limiter lets so many packets pass, and no more. Make one with New. Its methods may be
// called from any goroutine.
//
// A Limiter is for peers that share a reactor, and for any number of handlers: they share its
// buckets. Its clock is that of the reactor: time in which the reactor is stopped fills no
// bucket, and on a virtual reactor the limits are exact.
type Limiter struct {
	// Set once.
	conn, address, all pace
	over               func(in *peer.Incoming) error
	logger             *slog.Logger
	sources            *peer.Slot[*source]

	// For any goroutine.
	reactor   atomic.Pointer[engine.Reactor] // whose clock it is; nil until the first packet
	total     bucket
	addresses addresses
	counts    counts
	lines     throttle.Throttle
}

// source is where packets come from: a conn, which has a bucket, and its address.
type source struct {
	bucket bucket
	addr   *address // nil: it has none, or addresses are not bounded
}

// New makes a Limiter. Its buckets are full.
func New(cfg Config) *Limiter {
	l := &Limiter{
		conn:    cfg.Conn.pace(),
		address: cfg.Address.pace(),
		all:     cfg.All.pace(),
		over:    cfg.Over,
		logger:  cfg.Logger,
		sources: peer.NewSlot[*source](),
	}
	if l.over == nil {
		l.over = func(*peer.Incoming) error { return ErrLimited }
	}
	return l
}

// Middleware is for peer.Peer.Use and peer.With. A packet takes a token of its conn, then one
// of its address, then one of all. The first bucket that is empty stops it: what is too much
// of one conn takes nothing from its neighbours.
//
// The packet is not decoded before. Nothing is allocated, over a limit neither, but for what
// a conn has with its first packet, and for lines of the log. Loops share the buckets of
// addresses and of all without a lock.
//
// A packet of a peer on another reactor than the first one panics: there is no clock that
// both share.
func (l *Limiter) Middleware() peer.Middleware {
	return func(next peer.Next) peer.Next {
		if l.conn == (pace{}) && l.address == (pace{}) && l.all == (pace{}) {
			return next
		}
		return func(in *peer.Incoming) error {
			if counted := l.take(in.Conn()); counted != nil {
				return l.tooMany(in, counted)
			}
			return next(in)
		}
	}
}

// take takes the tokens for a packet. If one is missing, it returns where that is counted.
func (l *Limiter) take(c *peer.Conn) func(*Over) *uint64 {
	src, ok := l.sources.Get(c)
	if !ok {
		src = l.newSource(c)
	}
	now := c.Loop().Time()
	switch {
	case l.conn.interval > 0 && !src.bucket.take(l.conn, now):
		return ofConn
	case src.addr != nil && !src.addr.bucket.take(l.address, now):
		return ofAddress
	case l.all.interval > 0 && !l.total.take(l.all, now):
		return ofAll
	}
	return nil
}

func ofConn(o *Over) *uint64    { return &o.Conn }
func ofAddress(o *Over) *uint64 { return &o.Address }
func ofAll(o *Over) *uint64     { return &o.All }

var errOtherReactor = errors.New("rate: a Limiter is for peers that share a reactor")

// newSource makes the source of a conn, with its first packet.
func (l *Limiter) newSource(c *peer.Conn) *source {
	r := c.Loop().Reactor()
	if !l.reactor.CompareAndSwap(nil, r) && l.reactor.Load() != r {
		panic(errOtherReactor)
	}
	src := new(source)
	if key, ok := throttle.AddrKey(c.RemoteAddr()); ok && l.address.interval > 0 {
		src.addr = l.addresses.enter(key)
		c.OnLost(func(error) { l.addresses.leave(src.addr, c.Loop().Time()) })
	}
	l.sources.Set(c, src)
	return src
}

// tooMany does what is to be done about a packet that is over a limit.
func (l *Limiter) tooMany(in *peer.Incoming, counted func(*Over) *uint64) error {
	l.counts.add(in.Packet(), counted)
	if l.logger != nil {
		l.log(in)
	}
	return l.over(in)
}

func (l *Limiter) log(in *peer.Incoming) {
	if ok, skipped := l.lines.Allow(); ok {
		c := in.Conn()
		c.Loop().Reactor().Log(l.logger, slog.LevelWarn, "packet over a rate",
			"packet", in.Packet().Name(), "conn", c.ID(), "remote", c.RemoteAddr(), "skipped", skipped)
	}
}

// Stats returns what the Limiter has counted. The map is the caller's.
func (l *Limiter) Stats() Stats {
	return Stats{Over: l.counts.copied(), Addresses: l.addresses.len()}
}
