package peer

// Config, in groups, with its defaults.

import (
	"crypto/tls"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/packetmq/packetmq/codec"
	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/registry"
)

// Defaults of Config, and bounds that have no setting.
const (
	DefaultMaxFrame  = codec.DefaultMaxFrame
	DefaultHandshake = 5 * time.Second
	DefaultConnect   = 5 * time.Second
	DefaultQuitGrace = 5 * time.Second
	DefaultFrameTime = 10 * time.Second
	DefaultPing      = 30 * time.Second

	DefaultHalfOpen        = 1024
	DefaultHalfOpenPerAddr = 32
	DefaultWorkInOrder     = 64
	DefaultBackoffMin      = 100 * time.Millisecond
	DefaultBackoffMax      = 30 * time.Second
	DefaultBackoffLasts    = 10 * time.Second

	// OriginalMaxFrame is the largest frame, in bytes of id and payload, that
	// the Python library takes. Other sides that announce no limit of their
	// own are taken for it.
	OriginalMaxFrame = 99999

	minFrame    = 1 << 10     // the handshake must fit
	maxFrame    = 1 << 30     // lengths of 64 bits hold any number of these
	maxTime     = 1 << 60     // 36 years: sums of a few of them are durations
	maxUnknown  = 16          // packets of unknown ids before a conn is ended
	turnPackets = 256         // a conn's share of one turn: packets,
	turnBytes   = 64 << 10    // or bytes
	maxWork     = 16          // times Config.WorkInOrder: pieces of one conn's work before more are refused
	faultGrace  = time.Second // for the other side to read why a conn ends
	maxReasons  = 64          // of Config.Reasons
)

// Config sets up a peer. The zero value, like nil, means the defaults. Its fields
// stand in groups, which are embedded: cfg.OnMade and cfg.Events.OnMade are the
// same field, and a literal names the group:
//
//	&peer.Config{Events: peer.Events{OnMade: made}}
//
// Callbacks and hooks run on the loop of the conn they are about. Except for
// OnOpen, Wrap, Token and Authenticate, none of them runs for a conn before it is
// authenticated, and none after OnLost.
type Config struct {
	// Reactor runs the peer. Several peers can share one. Default: the peer makes
	// one of its own from Engine, and closes it when it is closed.
	Reactor *engine.Reactor

	// Engine sets up the reactor that the peer makes, and is not used with a Reactor.
	// Default: that of engine.Config, with this Logger, and a MaxPending of twice
	// MaxFrame if that is more.
	Engine *engine.Config

	Wire
	Identity
	Limits
	Times
	Hooks
	Events

	// Overflow is what happens to packets for which there is no room: more than the
	// reactor's MaxPending would wait for the other side, or its MaxTotalPending is
	// used up and this conn has its part of it. A conn and a packet type may have
	// policies of their own, and SendWait waits for room instead. Whatever the
	// policy, a conn is ended for which more than SoftPending waits for SoftTime, or
	// of whose output nothing moves for StallTime. A value that is no policy counts
	// as 0. Default: Refuse for a client, CloseSlow for a server, so that a slow
	// client harms only itself.
	Overflow registry.Overflow

	// Reconnect has a client connect again to a server that it lost, and that it did
	// not leave itself. Default: it does not.
	Reconnect *Backoff

	// PacketLog is the number of packets that the packet log keeps. Default: nothing
	// is logged until SetPacketLog.
	PacketLog int

	// Reasons are the program's own reasons that Stats.Lost counts by name, at most 64.
	// Default: none, and they are counted together as "other".
	Reasons []Reason

	// Logger gets what the peer has to say, at most ten lines a second of each kind.
	// No loop waits for it, and a panic in it ends nothing, as engine.Reactor.Log
	// says. Default: silence.
	Logger *slog.Logger
}

// Wire is the part of Config that says what carries the bytes.
type Wire struct {
	// TLS sets up conns to and from tls:// addresses. A server's must have a
	// certificate, and may ask for those of clients. A client's server is verified
	// against the host of its address if no ServerName is set. Default: for a client
	// the system's roots; a server needs one. NextProtos is ALPN if there is none.
	TLS *tls.Config

	// ProxyFrom are the networks of proxies and load balancers that speak the PROXY
	// protocol, version 1 or 2. A conn that a listener accepts from one of them must
	// begin with a PROXY header, before TLS; one that does not is refused with
	// ErrProxyHeader. Conn.RemoteAddr, the bounds on addresses and the log then have the
	// client's address. The header must be complete within Handshake. From anywhere else
	// a header is a fault, so that no client can choose its address. A network that is
	// not valid contains nothing. Default: none.
	ProxyFrom []netip.Prefix

	// ProxyFromUnix says that conns which listeners accept at Unix sockets come from a
	// proxy, as with ProxyFrom. Conn.UnixCred, which would be the proxy's, is nil for
	// them. Default: they do not.
	ProxyFromUnix bool

	// Wrap puts a transport around that of each new conn. A nil result leaves it as
	// it is. Default: nothing is wrapped.
	Wrap func(c *Conn, inner engine.Transport) engine.Transport
}

// Identity is the part of Config that says how two sides meet: the handshake, and
// who may come in.
type Identity struct {
	// Authenticate is called for every conn with what the other side has shown of
	// who it is, before the conn becomes active. It must not block: to ask a
	// database it returns ErrDecideLater, and whoever has the answer calls
	// Conn.Decide within Handshake. The other conns go on meanwhile, and at most
	// 64 KiB of what this other side sends is kept.
	//
	// An error ends the conn. The other side is told ReasonDenied and nothing else,
	// unless the error is a Denied; OnLost is called with a Fault that has the
	// error, which is logged too. Other sides that have no token, the Python library
	// among them, show none: the function decides. With NoExtensions nobody is asked
	// for a token; with SkipHandshake Authenticate is called without one. No packet
	// of the program is handled before it was called. Default: everybody may come in.
	Authenticate func(c *Conn, cred Credentials) error

	// Token is called when the other side asks who this one is, and returns at most
	// MaxToken bytes to be shown to its Authenticate. Conn.Dialed says which server
	// asks. Without TLS tokens travel as they are, to whoever asks. With NoExtensions
	// it is not called. Default: no token is shown.
	Token func(c *Conn) []byte

	// Adapt says whether this peer takes over the other sides' ids, whatever its
	// registry says; WithAdapt says so for one Connect. A server and a client can so
	// share one registry over any transport. Default: AdaptDefault, as the registry
	// says.
	Adapt Adapt

	// Version is the program's own version, of at most 64 bytes of UTF-8, shown to other sides
	// that know what it is: their Conn.Remote tells it. Nothing is done with it. Default: none.
	Version string

	// SkipHandshake has every conn start in state Active, with this side's ids. Both
	// sides must skip it. Default: the handshake is done.
	SkipHandshake bool

	// NoExtensions announces nothing beyond the version, byte for byte like the
	// Python library. The other side then sends no more than OriginalMaxFrame bytes a
	// frame. Default: this side's extensions are announced.
	NoExtensions bool
}

// Limits is the part of Config that bounds what one other side, or one address, can
// take.
type Limits struct {
	// MaxFrame is the largest frame taken or sent, in bytes of id and payload, from
	// 1 KiB to 1 GiB. What is sent is also bounded by what the other side announces,
	// and cannot wait if it is more than the reactor's MaxPending. Default: 1 MiB.
	MaxFrame int

	// Payload bounds what a payload may decode to; registry.Limits does so for one
	// packet type. Default: depth 32, 65,536 elements, a budget of 16 MiB.
	Payload codec.Limits

	// HalfOpen bounds the accepted conns whose handshake is not complete, that of TLS and
	// a PROXY header included. One more ends the one that keeps this side waiting for the longest,
	// with ErrHalfOpen; if none does, the new one waits. Default: 1,024.
	HalfOpen int

	// HalfOpenPerAddr is the same for one IPv4 address or one IPv6 /64, where one
	// more always ends one, with ErrHalfOpenPerAddr. Default: 32, and no bound for the
	// machine's own loopback addresses.
	HalfOpenPerAddr int

	// PerAddr bounds the accepted conns from one IPv4 address or one IPv6 /64.
	// Default: no bound.
	PerAddr int

	// RatePerAddr bounds how many conns a second are accepted from one IPv4 address
	// or one IPv6 /64, in bursts of a second's worth. Default: no bound.
	RatePerAddr float64

	// WorkInOrder bounds the pieces of work of one conn that were given to
	// OffloadInOrder and whose results have not come back. While there are more, the
	// conn is not read; it is read again when half as many are left. Sixteen times as
	// many are refused. Default: 64.
	WorkInOrder int
}

// Times is the part of Config that says how long things may take.
type Times struct {
	// Handshake bounds the handshake, from connecting to active; a PROXY header and the
	// handshake of TLS, before it, have as long again. Default: 5 s.
	Handshake time.Duration

	// Connect bounds a Connect whose context has no deadline. Default: 5 s.
	Connect time.Duration

	// QuitGrace is how long the other side has to close after a softquit from here.
	// Default: 5 s.
	QuitGrace time.Duration

	// FrameTime bounds how long a frame may take from its first byte to its last.
	// Default: 10 s.
	FrameTime time.Duration

	// Ping is how often a heartbeat goes to other sides that know them. A negative
	// time means that heartbeats are not announced. Default: 30 s.
	Ping time.Duration

	// Idle ends a conn from whose other side nothing was heard for so long. A negative
	// time means no bound. Default: three times Ping for other sides that know
	// heartbeats, so that two may go unanswered, and no bound for others.
	Idle time.Duration
}

// Hooks is the part of Config that sees, and may replace, each step of a packet's
// way. An error ends the conn on the way in, and is returned by the send on the way
// out; ErrDrop drops the packet. Hooks see all packets of the program, those of
// AddInternal included, and none of the handshake. A hook can call what comes after
// it, the Conn's method of the same name, and then return ErrDrop. Bytes are the
// packet id and the payload, valid during the call. Hooks on the way out run on the
// sender's goroutine.
type Hooks struct {
	// EncodedIn sees each packet as it came. Default: none.
	EncodedIn func(c *Conn, raw []byte) ([]byte, error)

	// PacketIn sees the value of each packet, before its handler. Default: none.
	PacketIn func(c *Conn, t *registry.Type, v any) (any, error)

	// PacketOut sees the value of each packet that is sent. Default: none.
	PacketOut func(c *Conn, t *registry.Type, v any) (any, error)

	// EncodedOut sees each packet as it will go. Default: none.
	EncodedOut func(c *Conn, raw []byte) ([]byte, error)
}

// Events is the part of Config that is told what becomes of conns.
type Events struct {
	// OnOpen is called when a conn is open, before its handshake begins. It may set
	// the conn up, with SetData or SetOverflow, end it, or have it do without a handshake
	// by Conn.SkipHandshake. OnLost is called for the conn in any case. Default: none.
	OnOpen func(c *Conn)

	// OnMade is called when a conn's handshake is complete, before the first packet.
	// Default: none.
	OnMade func(c *Conn)

	// OnLost is called exactly once for every conn, whether or not its handshake was
	// completed. reason is a Reason when one of the sides ended the conversation, or an
	// Advice around it when the other side did and has advised something, a
	// Fault when this side did because of an error, else the transport's error: io.EOF
	// when the other side just closed. With a Reason, an Advice or a Fault, a last packet
	// may still be sent from the callback. It is on the wire before the end, and the other
	// side handles it unless it ended the conversation itself. Default: none.
	OnLost func(c *Conn, reason error)

	// OnPacket is called with every packet that has no handler of its own. Default:
	// they are counted in Stats, and the first of each type is logged.
	OnPacket func(c *Conn, t *registry.Type, v any) error

	// OnPressure is called when more than the reactor's SoftPending waits for the
	// other side (above), and again when it has taken most of it. What was so before
	// OnMade is told after it. Default: none.
	OnPressure func(c *Conn, above bool)

	// OnConnectFailed is called when a ConnectAsync or a reconnection failed, on the
	// client's first loop. The client tries again if Reconnect says so. Default: none.
	OnConnectFailed func(addr string, err error)
}

// Backoff says how a client comes back: after Min, then twice as long after each
// further failure, at most Max, each time lengthened or shortened by up to a
// quarter at random so that a restarted server does not meet all its clients at
// once. An attempt that fails is a failure, and so is a conn that is lost before
// it has lasted.
type Backoff struct {
	// Min is how long the first wait is. Default: 100 ms.
	Min time.Duration

	// Max is how long the longest wait is. Default: 30 s.
	Max time.Duration

	// Attempts is the number of failures in a row before giving up. Default: no end.
	Attempts int

	// Lasts is how long a conn must have been active for the failures before it to be
	// forgotten. With less, a server that takes everybody in and ends them at once is
	// come back to as fast as a good one. Default: 10 s.
	Lasts time.Duration

	// Again says whether to come back after a failure: after a conn was lost, with the
	// reason that OnLost is told, and after an attempt, with the error that
	// OnConnectFailed is. It is called on a loop. A client that has left itself, by
	// Softquit, Abort or Close, never comes back, and Again is not asked. Default:
	// unless Permanent says that it is hopeless.
	Again func(reason error) bool

	// Follow says whether the client may go to another address because the server at
	// from, where it was, advises so (Advice.To). The next attempt is then at once, unless
	// the server has told it to wait. If it fails, the client goes back to the address that
	// the program gave. Whoever is at the other address is shown the client's Token, so that
	// on a plain network this decides who can collect tokens; Conn.Dialed tells Token where
	// it is. It is called on a loop. FollowTLS and FollowTo are ready-made. Default: the
	// client stays with the address that it has, and only waits as it is advised.
	Follow func(from, to string) bool
}

func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	setDefault(&d.MaxFrame, DefaultMaxFrame)
	d.MaxFrame = min(max(d.MaxFrame, minFrame), maxFrame)
	setDefault(&d.Handshake, DefaultHandshake)
	setDefault(&d.QuitGrace, DefaultQuitGrace)
	setDefault(&d.Connect, DefaultConnect)
	setDefault(&d.HalfOpen, DefaultHalfOpen)
	setDefault(&d.FrameTime, DefaultFrameTime)
	setDefault(&d.WorkInOrder, DefaultWorkInOrder)
	d.WorkInOrder = min(d.WorkInOrder, math.MaxInt32/maxWork)
	if d.Overflow > registry.DropOldest {
		d.Overflow = 0
	}
	d.Adapt = d.Adapt.known()
	d.Version = cleanVersion(d.Version)
	d.ProxyFrom = slices.Clone(d.ProxyFrom)
	d.Reasons = slices.Clone(d.Reasons[:min(len(d.Reasons), maxReasons)])
	if d.Ping == 0 {
		d.Ping = DefaultPing
	}
	for _, t := range []*time.Duration{&d.Handshake, &d.QuitGrace, &d.Connect, &d.FrameTime, &d.Ping, &d.Idle} {
		*t = min(*t, maxTime)
	}
	if d.Reconnect != nil {
		b := *d.Reconnect
		setDefault(&b.Min, DefaultBackoffMin)
		setDefault(&b.Max, DefaultBackoffMax)
		b.Max = max(b.Max, b.Min)
		setDefault(&b.Lasts, DefaultBackoffLasts)
		d.Reconnect = &b
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return d
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
