package peer

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Why an accepted socket was closed at once.
var (
	ErrHalfOpen        = errors.New("peer: too many conns have not finished their handshake")
	ErrHalfOpenPerAddr = errors.New("peer: too many conns from this address have not finished their handshake")
	ErrPerAddr         = errors.New("peer: too many conns from this address")
	ErrRate            = errors.New("peer: this address connects too often")
)

// admission decides which accepted sockets are let in. Addresses are counted
// one by one for IPv4 and by /64 for IPv6, which is what one customer has.
// Sockets without an IP address are counted only in total.
//
// An address is forgotten when nothing is open from it and its rate has
// recovered, so memory is bounded by the conns and by those that came lately.
type admission struct {
	halfOpen, halfOpenPerAddr, perAddr int
	rate                               float64 // a second; 0: no limit

	mu     sync.Mutex
	half   int
	places map[netip.Addr]*place
	sweep  int   // places at which the next sweep is due
	other  place // of sockets without an IP address
}

// place is one address.
type place struct {
	addr  netip.Addr
	open  int
	half  int
	saved float64 // conns that the rate allows now
	at    time.Time
}

// firstSweep is the number of places that are not worth looking through.
const firstSweep = 1024

// placeOf is what an address counts as; ok is false where there is no IP.
func placeOf(a net.Addr) (addr netip.Addr, ok bool) {
	tcp, isTCP := a.(*net.TCPAddr)
	if !isTCP {
		return addr, false
	}
	addr, ok = netip.AddrFromSlice(tcp.IP)
	addr = addr.Unmap()
	if addr.Is6() {
		p, _ := addr.Prefix(64)
		addr = p.Addr()
	}
	return addr, ok
}

// admit lets a socket in, to a place that is to be told when its handshake is
// complete and when it is gone, or says why not.
func (a *admission) admit(remote net.Addr) (*place, error) {
	addr, hasIP := placeOf(remote)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.half >= a.halfOpen {
		return nil, ErrHalfOpen
	}
	p := &a.other
	if hasIP {
		p = a.place(addr)
		if err := a.fits(p); err != nil {
			a.forget(p)
			return nil, err
		}
	}
	p.open++
	p.half++
	a.half++
	return p, nil
}

// fits checks the limits of one address, and takes one from its rate.
func (a *admission) fits(p *place) error {
	limit := a.halfOpenPerAddr
	if limit == 0 {
		limit = DefaultHalfOpenPerAddr
		if p.addr.IsLoopback() { // one's own machine opens many at once
			limit = a.halfOpen
		}
	}
	if p.half >= limit {
		return ErrHalfOpenPerAddr
	}
	if a.perAddr > 0 && p.open >= a.perAddr {
		return ErrPerAddr
	}
	if a.rate > 0 {
		a.recover(p, time.Now())
		if p.saved < 1 {
			return ErrRate
		}
		p.saved--
	}
	return nil
}

// recover lets the rate of an address grow back, to a second's worth and one.
func (a *admission) recover(p *place, now time.Time) {
	p.saved = min(p.saved+now.Sub(p.at).Seconds()*a.rate, a.rate+1)
	p.at = now
}

// place finds or makes the place of an address. a.mu is held.
func (a *admission) place(addr netip.Addr) *place {
	if p := a.places[addr]; p != nil {
		return p
	}
	if a.places == nil {
		a.places = make(map[netip.Addr]*place)
		a.sweep = firstSweep
	}
	if len(a.places) >= a.sweep {
		a.tidy()
		a.sweep = max(firstSweep, 2*len(a.places))
	}
	p := &place{addr: addr, saved: a.rate + 1, at: time.Now()}
	a.places[addr] = p
	return p
}

// tidy forgets the places whose rate has recovered. a.mu is held.
func (a *admission) tidy() {
	now := time.Now()
	for _, p := range a.places {
		a.recover(p, now)
		a.forget(p)
	}
}

// forget drops a place that has nothing to remember. a.mu is held.
func (a *admission) forget(p *place) {
	if p.open == 0 && (a.rate == 0 || p.saved >= a.rate) {
		delete(a.places, p.addr)
	}
}

// settled says that the handshake of a socket is complete, once. A nil place is
// of one that needed no admission.
func (a *admission) settled(p *place) {
	if p == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settle(p)
}

func (a *admission) settle(p *place) {
	a.half--
	p.half--
}

// left says that a socket is gone, once; half, that it was never settled.
func (a *admission) left(p *place, half bool) {
	if p == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if half {
		a.settle(p)
	}
	p.open--
	a.forget(p)
}
