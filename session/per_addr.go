package session

// How many sessions each address has begun.

import (
	"net/netip"

	"github.com/packetmq/packetmq/internal/throttle"
)

// Of Config.Sessions, one address has a part by default, but at least some: a smaller one is too
// few for an office behind one address, and with a larger one fewer addresses can have them all.
const (
	perAddrPart  = 16
	perAddrLeast = 64
)

// perAddr counts the sessions that conns of each address have begun. It is guarded by the mu of
// its Sessions, and has an entry for each address that has a session.
type perAddr map[netip.Addr]int

// begin counts a session of a conn's, unless its address has as many as it may. The key, the zero
// one for a conn without an IP address, is for end.
func (a *perAddr) begin(k *carrier, cfg *Config) (key netip.Addr, ok bool) {
	key, isIP := throttle.AddrKey(k.conn.RemoteAddr())
	if !isIP {
		return netip.Addr{}, true
	}
	if (*a)[key] >= perAddrBound(key, cfg) {
		return key, false
	}
	if *a == nil {
		*a = make(perAddr)
	}
	(*a)[key]++
	return key, true
}

// perAddrBound is how many an address may have.
func perAddrBound(key netip.Addr, cfg *Config) int {
	switch {
	case cfg.PerAddr > 0:
		return cfg.PerAddr
	case key.IsLoopback(): // programs of this machine have many clients
		return cfg.Sessions
	}
	return max(cfg.Sessions/perAddrPart, perAddrLeast)
}

// end takes back what begin has counted.
func (a perAddr) end(key netip.Addr) {
	if n := a[key]; n > 1 {
		a[key] = n - 1
	} else {
		delete(a, key)
	}
}
