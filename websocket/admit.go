package websocket

// Which requests a server takes: path, origin, the program's own check; and the token that
// comes with one.

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/packetmq/packetmq/peer"
)

// admit decides about a request. Nil lets it in.
func (c *Config) admit(r *Request) *UpgradeError {
	if fault := r.fault(); fault != nil {
		return fault
	}
	switch {
	case c.Path != "" && r.URL.Path != c.Path:
		return &UpgradeError{http.StatusNotFound, "there is nothing at this path"}
	case !c.allows(r):
		return &UpgradeError{http.StatusForbidden, "pages of this origin may not connect"}
	case len(c.token(r)) > peer.MaxToken:
		return &UpgradeError{http.StatusBadRequest, "the token is too long"}
	case c.Check == nil:
		return nil
	}
	err := c.Check(r)
	var chosen *UpgradeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &chosen) && chosen.Status >= 400 && chosen.Status <= 599 && isText(chosen.Reason):
		return chosen
	}
	return &UpgradeError{http.StatusForbidden, "refused"}
}

// allows reports whether the origin of the page that asks may connect.
func (c *Config) allows(r *Request) bool {
	origin := r.Origin()
	if origin == "" && len(r.Header["Origin"]) == 0 {
		return true
	}
	host := ""
	u, err := url.Parse(origin)
	if err == nil {
		host = u.Host
	}
	if len(c.Origins) == 0 {
		return host != "" && strings.EqualFold(withoutPort(u.Scheme, host), withoutPort(u.Scheme, r.Host))
	}
	for _, o := range c.Origins {
		if o == "*" || strings.EqualFold(o, origin) || host != "" && matchesHost(o, host) {
			return true
		}
	}
	return false
}

// matchesHost reports whether the pattern, "example.org" or "*.example.org", is of host.
func matchesHost(pattern, host string) bool {
	pattern, host = strings.ToLower(pattern), strings.ToLower(host)
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok && strings.HasPrefix(suffix, ".") {
		return strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return pattern == host
}

// withoutPort is host without the port that its scheme has anyway.
func withoutPort(scheme, host string) string {
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// token is what the request shows of who asks, nil if nothing.
func (c *Config) token(r *Request) []byte {
	if c.TokenProtocol != "" {
		for _, p := range r.protocols() {
			if token, ok := strings.CutPrefix(p, c.TokenProtocol); ok {
				return []byte(token)
			}
		}
	}
	if c.TokenQuery != "" && r.URL.RawQuery != "" {
		if q := r.URL.Query(); q.Has(c.TokenQuery) {
			return []byte(q.Get(c.TokenQuery))
		}
	}
	return nil
}
