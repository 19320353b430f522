package call

// Config: the settings of the calls of one peer.

import (
	"time"

	"github.com/packetmq/packetmq/peer"
)

// Bounds and defaults.
const (
	DefaultUnderWay = 1024             // Config.UnderWay
	MaxUnderWay     = 65535            // the most that Config.UnderWay can be
	DefaultTimeout  = 10 * time.Second // Config.Timeout
)

// Config has the settings of a peer's calls, in both directions. The zero value, and nil,
// mean the defaults.
type Config struct {
	// UnderWay is how many calls may be under way on a conn, in each direction. One more
	// is ErrTooMany: at once where it is made, as the answer where it is to be handled.
	// Default: 1,024. At most 65,535.
	UnderWay int

	// Timeout is the time for a call whose caller has set none.
	// Default: 10 s.
	Timeout time.Duration

	// ShowErrors sends the text of every error that a handler returns, of panics too. It is
	// for development: texts have file names and addresses in them.
	// Default: such a call ends with ErrInternal, and the error is logged on this side.
	ShowErrors bool

	// Tracer watches the calls of the peer, in both directions. Its first one is announced to
	// other sides on conns that are opened from then on, as FeatureTrace.
	// Default: nobody does.
	Tracer Tracer
}

func (cfg *Config) withDefaults() Config {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	if c.UnderWay <= 0 {
		c.UnderWay = DefaultUnderWay
	}
	c.UnderWay = min(c.UnderWay, MaxUnderWay)
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	return c
}

// Configure sets what h's calls go by from now on. Without it they go by the defaults. It
// panics, as peer.Handle does, if h is no peer. Any goroutine may call it.
func Configure(h peer.Host, cfg *Config) {
	c, host := cfg.withDefaults(), hostOf(mustPeer(h))
	if c.Tracer != nil {
		host.extend()
	}
	host.config.Store(&c)
}

// mustPeer is the peer of a host. A program without one is wrong.
func mustPeer(h peer.Host) *peer.Peer {
	p, err := peer.Of(h)
	if err != nil {
		panic(err)
	}
	return p
}
