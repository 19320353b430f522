package rate

// The table of addresses, each with its bucket.

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// MaxIdleAddresses is how many addresses without an open conn a Limiter remembers, so that
// who connects again does not have a full bucket again. Of more, the one whose conns ended
// first is forgotten. An entry takes 175 bytes: 12 MB in all. With a smaller bound, an
// attacker needs fewer addresses to have full buckets again and again.
const MaxIdleAddresses = 65536

// address is one IPv4 address, or an IPv6 /64.
type address struct {
	bucket bucket
	key    netip.Addr
	conns  int           // guarded by addresses.mu
	idle   *list.Element // guarded by addresses.mu: its place in addresses.idle; nil while it has conns
}

// addresses are those that have an open conn, and those whose buckets are not full again or
// were not looked at since.
type addresses struct {
	mu   sync.Mutex
	all  map[netip.Addr]*address
	idle list.List // of *address, in the order in which their last conns ended
}

// enter counts a conn of an address, until leave.
func (a *addresses) enter(key netip.Addr) *address {
	a.mu.Lock()
	defer a.mu.Unlock()
	addr := a.all[key]
	if addr == nil {
		if a.all == nil {
			a.all = make(map[netip.Addr]*address)
		}
		addr = &address{key: key}
		a.all[key] = addr
	}
	if addr.conns++; addr.idle != nil {
		a.idle.Remove(addr.idle)
		addr.idle = nil
	}
	return addr
}

// leave ends what enter began. It forgets addresses that have no conn, from the one that has
// had none for the longest: those whose buckets are full, and those that are too many.
func (a *addresses) leave(addr *address, now time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if addr.conns--; addr.conns == 0 {
		addr.idle = a.idle.PushBack(addr)
	}
	for e := a.idle.Front(); e != nil; e = a.idle.Front() {
		oldest := e.Value.(*address)
		if a.idle.Len() <= MaxIdleAddresses && !oldest.bucket.isFull(now) {
			return
		}
		a.idle.Remove(e)
		delete(a.all, oldest.key)
	}
}

// len is how many addresses there are.
func (a *addresses) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}
