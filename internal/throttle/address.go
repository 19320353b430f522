package throttle

// AddrKey: what the address of another side is counted as.

import (
	"net"
	"net/netip"
)

// AddrKey is what an address is counted as: an IPv4 address by itself, an IPv6 address by its
// /64, which is what one customer has. ok is false if it is no TCP address. Any goroutine may
// call it.
func AddrKey(remote net.Addr) (key netip.Addr, ok bool) {
	tcp, isTCP := remote.(*net.TCPAddr)
	if !isTCP {
		return key, false
	}
	key, ok = netip.AddrFromSlice(tcp.IP)
	if key = key.Unmap(); key.Is6() {
		prefix, _ := key.Prefix(64)
		key = prefix.Addr()
	}
	return key, ok
}
