package inspect

// Config: the settings of an Inspector and its page.

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/packetmq/packetmq/peer"
)

const (
	// DefaultRows is how many conns are shown if Config.Rows is 0.
	DefaultRows = 100

	// MaxRows bounds Config.Rows.
	MaxRows = 1000

	// DefaultEvery is how often the page is brought up to date if Config.Every is 0.
	DefaultEvery = time.Second

	// DefaultViewers is how many pages and traces may be open if Config.Viewers is 0.
	DefaultViewers = 16
)

// Config has the settings of an Inspector and of its page. The zero Config is fine. Its
// functions are called on goroutines of net/http, several at a time.
type Config struct {
	// Authorise decides who may act: end a conn, trace one, change the level of the log. It
	// is asked for each action, with its request; an error refuses the action, and is not
	// shown. Default: nobody may, and the page offers no actions.
	Authorise func(r *http.Request) error

	// Level is what the page may set the level of the log with. Default: none, and the page
	// does not offer it.
	Level *slog.LevelVar

	// Timing has the time measured that handlers take, by packet type. It costs some 0.1 µs
	// for each packet, and puts middleware around all handlers of the peer, as Peer.Use
	// does, for as long as the peer lives. Default: it is not measured.
	Timing bool

	// Rows is how many conns are shown at most, of those that match. Default: 100. More
	// than 1,000 are 1,000.
	Rows int

	// Every is how often the page is brought up to date. Default: 1 s. Less than 100 ms is
	// 100 ms.
	Every time.Duration

	// Viewers is how many pages may be live and how many traces may run at a time,
	// together. More are answered with status 503. Default: 16.
	Viewers int

	// Rooms tells the rooms that a conn is in. It is asked about the conns that are shown.
	// Default: there is no such column.
	Rooms func(c *peer.Conn) []string

	// Session tells the session of a conn, in a few words. It is asked about the conns that
	// are shown. Default: there is no such column.
	Session func(c *peer.Conn) string

	// Cluster tells of the cluster that the peer is in, as the method Inspect of module
	// cluster's Node does. Default: nothing is told of one.
	Cluster func() *Cluster

	// ShowUntyped has traces show the values of packets that have no Go type. Nobody can
	// tell what is secret in these. Default: only their sizes are shown.
	ShowUntyped bool
}

func (c Config) withDefaults() Config {
	if c.Rows <= 0 {
		c.Rows = DefaultRows
	}
	c.Rows = min(c.Rows, MaxRows)
	if c.Every <= 0 {
		c.Every = DefaultEvery
	}
	c.Every = max(c.Every, 100*time.Millisecond)
	if c.Viewers <= 0 {
		c.Viewers = DefaultViewers
	}
	return c
}
