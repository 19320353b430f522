package peer

import (
	"crypto/tls"
	"log/slog"
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
	DefaultBackoffMin      = 100 * time.Millisecond
	DefaultBackoffMax      = 30 * time.Second
	DefaultBackoffLasts    = 10 * time.Second

	// OriginalMaxFrame is the largest frame, in bytes of id and payload, that
	// the Python library takes. Other sides that announce no limit of their
	// own are taken for it.
	OriginalMaxFrame = 99999

	minFrame     = 1 << 10     // the handshake must fit
	maxFrame     = 1 << 30     // lengths of 64 bits hold any number of these
	maxTime      = 1 << 60     // 36 years: sums of a few of them are durations
	maxUnknown   = 16          // packets of unknown ids before a conn is ended
	sharePackets = 256         // a conn's share of one turn: packets,
	shareBytes   = 64 << 10    // or bytes
	faultGrace   = time.Second // for the other side to read why a conn ends
)

// Config sets up a peer. The zero value, like nil, means the defaults.
//
// Callbacks and hooks run on the loop of the conn they are about. OnOpen, Wrap,
// Token and Authenticate apart, none of them runs for a conn before it is authenticated, and
// none after OnLost.
type Config struct {
	// Reactor runs the peer. Nil means that the peer makes one of its own,
	// with the Engine configuration, and closes it when it is closed.
	Reactor *engine.Reactor
	Engine  *engine.Config

	// OnOpen is called when a conn is open, before its handshake begins. It may
	// set the conn up, with SetData or SetOverflow, or end it. A conn that it puts
	// into state Active does no handshake, as with SkipHandshake, and Authenticate is
	// asked about it all the same. OnLost is called for the conn in any case.
	OnOpen func(c *Conn)

	// OnMade is called when a conn's handshake is complete, before the first
	// packet.
	OnMade func(c *Conn)

	// OnLost is called exactly once for every conn, whether or not its
	// handshake was completed: reason is a Reason when one of the sides ended
	// the conversation, a Fault when this side did because of an error, else
	// the transport's error (io.EOF when the other side just closed). With a
	// Reason, and a Fault, a last packet may still be sent from the callback;
	// it is on the wire before the end, and the other side handles it unless it
	// ended the conversation itself.
	OnLost func(c *Conn, reason error)

	// OnPacket is called with every packet that has no handler of its own.
	OnPacket func(c *Conn, t *registry.Type, v any) error

	// Hooks that see, and may replace, each step of a packet's way. An error
	// ends the conn on the way in and is returned by the send on the way out;
	// ErrDrop drops the packet. They see all packets of the program, those of
	// AddInternal included, and none of the handshake's. A hook can call what comes
	// after it, the Conn's method of the same name, and then return ErrDrop. Bytes are the packet id and the payload, and are valid
	// during the call; hooks on the way out run on the sender's
	// goroutine.
	EncodedIn  func(c *Conn, raw []byte) ([]byte, error)
	PacketIn   func(c *Conn, t *registry.Type, v any) (any, error)
	PacketOut  func(c *Conn, t *registry.Type, v any) (any, error)
	EncodedOut func(c *Conn, raw []byte) ([]byte, error)

	// Wrap, if not nil, puts a transport around that of each new conn; a nil
	// result leaves it as it is.
	Wrap func(c *Conn, inner engine.Transport) engine.Transport

	// SkipHandshake has every conn start in state Active, with this side's
	// ids. Both sides must skip it.
	SkipHandshake bool

	// NoExtensions announces nothing beyond the version, byte for byte like
	// the Python library. The other side then sends no more than
	// OriginalMaxFrame bytes a frame.
	NoExtensions bool

	// MaxFrame is the largest frame taken or sent, in bytes of id and payload;
	// 0 means 1 MiB, less than 1 KiB means 1 KiB, and more than 1 GiB is 1 GiB. What is sent is also
	// bounded by what the other side announces, and cannot wait if it is more
	// than the reactor's MaxPending: a peer with a reactor of its own makes that
	// twice MaxFrame at least.
	MaxFrame int

	// Limits bounds what a payload may decode to. Zero fields mean depth 32,
	// 65,536 elements and a budget of 16 MiB.
	Limits codec.Limits

	// TLS sets up conns to and from tls:// addresses. A server's must have a
	// certificate, and may ask for those of clients. A client's may be nil: the
	// server is then verified by the system's roots, and always by the host of
	// its address if no ServerName is set. NextProtos is ALPN if there is none.
	TLS *tls.Config

	// Authenticate, if not nil, is called for every conn with what the other
	// side has shown of who it is, before the conn becomes active; it must not
	// block. To ask a database it returns ErrDecideLater, and whoever has the
	// answer calls Conn.Decide: within Handshake, while the other conns go on,
	// and while at most 64 KiB of what the other side sends meanwhile is kept. An
	// error ends the conn: the other side is told ReasonDenied and nothing else,
	// unless the error is a Denied, OnLost a Fault with the error, which is logged
	// too. Other
	// sides that have no token, the Python library among them, show none: the
	// hook decides; nobody is asked for one with NoExtensions. No packet of the
	// program is handled before it was called. With SkipHandshake it is called
	// too, without a token.
	Authenticate func(c *Conn, cred Credentials) error

	// Token, if not nil, is called when the other side asks who this one is,
	// and returns at most MaxToken bytes to be shown to its Authenticate; nil
	// shows none. Conn.Dialed tells which server asks. Without TLS tokens travel as
	// they are, to whoever asks. With NoExtensions it is not called.
	Token func(c *Conn) []byte

	// Handshake bounds the handshake, from connecting to active; 0 means 5 s.
	Handshake time.Duration

	// QuitGrace is how long the other side has to close after a softquit from
	// here; 0 means 5 s.
	QuitGrace time.Duration

	// HalfOpen bounds the accepted conns whose handshake is not complete, that of
	// TLS included. One more ends the one that keeps this side waiting for the
	// longest, with ErrHalfOpen; as long as none does, it waits itself. 0 means
	// 1,024.
	HalfOpen int

	// HalfOpenPerAddr is the same for one IPv4 address, or one IPv6 /64, where one
	// more always ends one, with ErrHalfOpenPerAddr; 0 means 32, and no bound for
	// the machine's own loopback addresses.
	HalfOpenPerAddr int

	// PerAddr bounds the accepted conns from one IPv4 address, or one IPv6 /64;
	// 0 means no bound.
	PerAddr int

	// RatePerAddr bounds how many conns a second are accepted from one IPv4
	// address, or one IPv6 /64, in bursts of a second's worth; 0 means no bound.
	RatePerAddr float64

	// FrameTime bounds how long a frame may take from its first byte to its
	// last; 0 means 10 s.
	FrameTime time.Duration

	// Ping is how often a heartbeat goes to other sides that know them; 0 means
	// 30 s, and a negative time that heartbeats are not announced.
	Ping time.Duration

	// Idle ends a conn from whose other side nothing was heard for so long. 0
	// means three times Ping for other sides that know heartbeats, so that two
	// may go unanswered, and no bound for those that do not; a negative time
	// means no bound for any.
	Idle time.Duration

	// Overflow is what happens to packets for which there is no room, because
	// more than the reactor's MaxPending would wait for the other side, or its
	// MaxTotalPending does and this conn has its part of it; a conn, and a packet
	// type, may have policies of their own. 0 means Refuse for a client, and
	// CloseSlow for a server, whose other sides are to pay for being slow. Conn.SendWait
	// waits for room instead. Whatever the policy, a conn is ended for which more than
	// SoftPending waits for SoftTime, or anything for StallTime and none of it moves.
	Overflow registry.Overflow

	// OnPressure is called when more than the reactor's SoftPending waits for
	// the other side (above), and when it has taken most of it since. What was so
	// before OnMade is told after it.
	OnPressure func(c *Conn, above bool)

	// PacketLog is the number of packets that the packet log keeps; 0 means
	// that nothing is logged until SetPacketLog.
	PacketLog int

	// Connect bounds a Connect whose context has no deadline; 0 means 5 s.
	Connect time.Duration

	// Reconnect, if not nil, has a client connect again to a server that it
	// lost, and that it did not leave itself.
	Reconnect *Backoff

	// OnConnectFailed is called when a ConnectAsync or a reconnection failed,
	// on the client's first loop; the client tries again if Reconnect says so.
	OnConnectFailed func(addr string, err error)

	// Logger gets what the peer has to say, at most ten lines a second of each
	// kind; nil means silence. No loop waits for it, and a panic in it is its own:
	// as engine.Reactor.Log tells.
	Logger *slog.Logger
}

// Backoff says how a client comes back: after Min, then twice as long after each
// further failure, at most Max, each time lengthened or shortened by up to a
// quarter at random so that a restarted server does not meet all its clients at
// once. An attempt that fails is a failure, and so is a conn that is lost before
// it has lasted.
type Backoff struct {
	Min, Max time.Duration // 0 means 100 ms and 30 s
	Attempts int           // failures in a row before giving up; 0 means never

	// Lasts is how long a conn must have been active for the failures before it to
	// be forgotten; 0 means 10 s. With less, a server that takes everybody in and
	// ends them at once is come back to as fast as a good one.
	Lasts time.Duration

	// Again says whether to come back after a failure: after a conn was lost, with
	// the reason that OnLost is told, and after an attempt, with the error that
	// OnConnectFailed is. It is called on a loop. Nil means unless Permanent says
	// that it is hopeless. A client that has left itself, by Softquit, Abort or
	// Close, never comes back, and Again is not asked.
	Again func(reason error) bool
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
