package bench

// The addresses that a server listens at and a load connects to, as a flag.

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
)

// addrs is a flag that may be given several times: "tcp://host:port", "ws://host:port" or
// "unix:///path".
type addrs []string

func (a *addrs) String() string { return strings.Join(*a, " ") }

func (a *addrs) Set(s string) error {
	if err := checkAddr(s); err != nil {
		return err
	}
	*a = append(*a, s)
	return nil
}

func checkAddr(s string) error {
	network, address, _ := strings.Cut(s, "://")
	switch network {
	case "tcp", "tcp4", "tcp6", "ws":
		_, _, err := net.SplitHostPort(address)
		return err
	case "unix":
		if !filepath.IsAbs(address) {
			return errors.New("want a path that begins at the root: unix:///PATH")
		}
		return nil
	}
	return errors.New("want tcp://HOST:PORT, ws://HOST:PORT or unix:///PATH")
}
