package websocket

// Config: which upgrades a server takes, and what a client asks for.

import (
	"net/http"
	"slices"
	"strings"
)

const (
	// Subprotocol is what a server agrees on with clients that offer it.
	Subprotocol = "packetmq.1"

	// MaxHeader bounds the HTTP header of an upgrade, in bytes, either way.
	MaxHeader = 8 << 10

	// DefaultTokenQuery and DefaultTokenProtocol are where browsers put a token.
	DefaultTokenQuery    = "token"
	DefaultTokenProtocol = "token."
)

// Config says which upgrades a server takes, and what a client asks for. The zero value, like
// nil, means the defaults.
type Config struct {
	// Path is the path that a server serves; requests for others get 404. Default: it takes
	// every path.
	Path string

	// Origins are the origins whose pages a server lets in: "https://example.org" for one,
	// "example.org" and "*.example.org" for hosts whatever their scheme, "null" for pages
	// without one, "*" for all. A request without an Origin does not come from a page, and is
	// let in. Default: the host that the request is for.
	Origins []string

	// Check decides about a request that is right in everything else. An error refuses it: a
	// *UpgradeError chooses the answer, any other one is 403. It must not block: it is called
	// on the loop of the conn, or by Handler on its goroutine. Default: all are let in.
	Check func(r *Request) error

	// TokenQuery is the query parameter of the URL in which a token may come. It reaches
	// Config.Authenticate of the peer like a token of the handshake. "-" means none. URLs end up
	// in the logs of what lies between. Default: DefaultTokenQuery.
	TokenQuery string

	// TokenProtocol begins the name of a subprotocol in which a token may come: what follows
	// it is the token. A browser offers Subprotocol with it. "-" means none. Default:
	// DefaultTokenProtocol.
	TokenProtocol string

	// Header is what a client's request has beside what WebSocket needs. Default: nothing.
	Header http.Header
}

// withDefaults is a copy of c with defaults where it says nothing.
func (c *Config) withDefaults() *Config {
	var d Config
	if c != nil {
		d = *c
	}
	d.Origins = slices.Clone(d.Origins)
	d.Header = d.Header.Clone()
	for _, s := range []struct {
		v *string
		d string
	}{{&d.TokenQuery, DefaultTokenQuery}, {&d.TokenProtocol, DefaultTokenProtocol}} {
		switch *s.v {
		case "":
			*s.v = s.d
		case "-":
			*s.v = ""
		}
	}
	if d.Path != "" && !strings.HasPrefix(d.Path, "/") {
		d.Path = "/" + d.Path
	}
	return &d
}
