package peer

// The addresses that Listen and Connect take.

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// networks are what addresses begin with that a peer knows without a Scheme.
var networks = []string{"tcp", "tcp4", "tcp6", "tls", "unix", "any"}

func isNetwork(name string) bool { return slices.Contains(networks, name) }

// address is an address of Listen or Connect in its parts.
type address struct {
	network string  // of the socket: tcp, tcp4, tcp6, unix
	place   string  // host:port, or the path of a Unix socket
	tls     bool    // TLS is spoken over the socket
	any     bool    // what is spoken is told by the first byte
	scheme  *Scheme // nil: none lies between the socket and its conns
}

// parseListen parses an address of Listen: "host:port" for TCP, or with what is spoken in
// front: "tcp://host:port", "tcp4://", "tcp6://", "tls://host:port", "unix:///path",
// "any://host:port", or the name of a Scheme.
func (p *Peer) parseListen(addr string) (address, error) {
	name, rest, found := strings.Cut(addr, "://")
	if !found {
		name, rest = "tcp", addr
	}
	a := address{network: name, place: rest}
	switch name {
	case "tls":
		a.network, a.tls = "tcp", true
	case "any":
		a.network, a.any = "tcp", true
	default:
		if a.scheme = p.scheme(name); a.scheme != nil {
			a.network, a.tls = "tcp", a.scheme.TLS
		} else if !isNetwork(name) {
			rest = ""
		}
	}
	if rest == "" {
		return address{}, p.badAddress(addr)
	}
	return a, nil
}

// parseConnect parses an address of Connect: as of Listen, but for any://. After the host and
// port of a scheme's address a path or a query may follow, which is the scheme's to read from
// Conn.Dialed.
func (p *Peer) parseConnect(addr string) (address, error) {
	a, err := p.parseListen(addr)
	switch {
	case err != nil:
		return address{}, err
	case a.any:
		return address{}, p.badAddress(addr)
	case a.scheme == nil:
		return a, nil
	}
	if i := strings.IndexAny(a.place, "/?#"); i >= 0 {
		a.place = a.place[:i]
	}
	if _, _, err := net.SplitHostPort(a.place); err != nil && a.scheme.Port != "" && a.place != "" {
		a.place = net.JoinHostPort(strings.Trim(a.place, "[]"), a.scheme.Port)
	}
	if a.place == "" {
		return address{}, p.badAddress(addr)
	}
	return a, nil
}

func (p *Peer) badAddress(addr string) error {
	known := "tcp://, tcp4://, tcp6://, tls://, unix:// or any:// (any:// to listen only)"
	for _, s := range p.allSchemes() {
		known += ", " + s.Name + "://"
	}
	return fmt.Errorf("peer: address %q is neither host:port nor %s", addr, known)
}
