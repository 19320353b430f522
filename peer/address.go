package peer

// The addresses that Listen and Connect take.

import (
	"fmt"
	"strings"
)

// splitAddr parses an address of Listen and Connect: "host:port" for TCP, or
// with its network in front: "tcp://host:port", "tcp4://", "tcp6://",
// "tls://host:port", "unix:///path".
func splitAddr(addr string) (network, address string, err error) {
	network, address, found := strings.Cut(addr, "://")
	if !found {
		network, address = "tcp", addr
	}
	switch network {
	case "tcp", "tcp4", "tcp6", "tls", "unix":
		if address != "" {
			return network, address, nil
		}
	}
	return "", "", fmt.Errorf("peer: address %q is neither host:port nor tcp://, tcp4://, tcp6://, tls:// or unix://", addr)
}
