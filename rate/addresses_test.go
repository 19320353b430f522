package rate

import (
	"net/netip"
	"testing"
	"time"
)

// An address without conns is remembered until its bucket is full again: to connect again
// gives no full bucket.
func TestAddressesAreRememberedWhileTheirBucketsFill(t *testing.T) {
	var a addresses
	p := Limit{PerSecond: 1, Burst: 3}.pace()
	key, other := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	first := a.enter(key)
	if a.enter(key) != first {
		t.Fatal("two conns of an address do not share it")
	}
	for range 3 {
		first.bucket.take(p, 0)
	}
	a.leave(first, 0)
	a.leave(first, 0)
	if again := a.enter(key); again != first || again.bucket.take(p, 0) {
		t.Error("who comes back has a token")
	}
	o := a.enter(other)
	if a.leave(o, time.Minute); a.len() != 1 || a.all[key] != first {
		t.Error("an address with a conn is forgotten")
	}
	a.leave(first, 0)
	o = a.enter(other)
	if a.leave(o, 2*time.Second); a.len() != 2 {
		t.Errorf("%d addresses while one is not full, want 2", a.len())
	}
	o = a.enter(other)
	if a.leave(o, 3*time.Second); a.len() != 0 || a.idle.Len() != 0 {
		t.Errorf("%d addresses once all are full", a.len())
	}
}

// However many addresses come and go, no more than MaxIdleAddresses without a conn are
// remembered, and those with a conn are never forgotten.
func TestIdleAddressesAreBounded(t *testing.T) {
	var a addresses
	p := Limit{PerSecond: 1e-6, Burst: 1}.pace()
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	stays := a.enter(address(0))
	const more = 100
	for i := range MaxIdleAddresses + more {
		addr := a.enter(address(i + 1))
		addr.bucket.take(p, 0)
		a.leave(addr, 0)
	}
	if n := a.len(); n != MaxIdleAddresses+1 {
		t.Errorf("%d addresses, want %d", n, MaxIdleAddresses+1)
	}
	if a.enter(address(0)) != stays {
		t.Error("one with a conn was forgotten")
	}
	if !a.enter(address(more)).bucket.take(p, 0) || a.enter(address(more+1)).bucket.take(p, 0) {
		t.Error("others were forgotten than those whose conns ended first")
	}
}
