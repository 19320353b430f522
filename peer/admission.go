package peer

// Which accepted sockets are let in: bounds on conns that have not finished their
// handshake, on conns of one address, and on how often an address connects.

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Why an accepted socket was closed at once, or before its handshake was done.
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
// Of the sockets whose handshake is not complete there is a bounded number. A
// newcomer is not what pays for that: who holds places and says nothing could
// keep everybody else out. The one that keeps this side waiting has to leave, see
// halves.
//
// An address is forgotten when nothing is open from it and its rate has
// recovered, so memory is bounded by the conns and by those that came lately.
type admission struct {
	halfOpen, halfOpenPerAddr, perAddr int
	rate                               float64 // a second; 0: no limit

	mu     sync.Mutex
	half   halves
	pace   pace
	places map[netip.Addr]*place
	sweep  int   // places at which the next sweep is due
	other  place // of sockets without an IP address
}

// place is one address.
type place struct {
	addr  netip.Addr
	open  int
	half  halves
	saved float64 // conns that the rate allows now
	at    time.Time
}

// guest is an accepted socket for the admission, as long as it is open.
type guest struct {
	place *place    // nil: it is gone
	half  *halfOpen // nil: its handshake was completed, or it left by itself
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

// recheck is how often a newcomer that waits for room looks for some.
const recheck = 5 * time.Millisecond

// admit lets a socket in, as a guest whose progress and end are to be told, or
// says why not. With end the guest can be ended to make room, by any goroutine.
// Where nobody has to make room yet, it waits until somebody has, or ctx is done.
func (a *admission) admit(ctx context.Context, remote net.Addr, end func(error)) (*guest, error) {
	addr, hasIP := placeOf(remote)
	for {
		g, evicted, err := a.try(addr, hasIP, end)
		if evicted != nil {
			evicted.end(evicted.why)
		}
		if err != errNoRoom {
			return g, err
		}
		select {
		case <-time.After(recheck):
		case <-ctx.Done():
			return nil, ErrClosed
		}
	}
}

// errNoRoom says that nobody has to make room yet.
var errNoRoom = errors.New("peer: no room yet")

// eviction is a guest that is to be ended.
type eviction struct {
	end func(error)
	why error
}

func (a *admission) try(addr netip.Addr, hasIP bool, end func(error)) (*guest, *eviction, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, now := &a.other, time.Now()
	if hasIP {
		p = a.place(addr)
		defer a.forget(p)
		if err := a.fits(p, now); err != nil {
			return nil, nil, err
		}
	}
	p.open++ // so that p is not forgotten with who has to make room
	var evicted *eviction
	switch {
	case hasIP && p.half.n() >= a.perAddrLimit(p):
		// One address does not make the others wait, and so never waits itself.
		evicted = a.evict(p.half.longest(), ErrHalfOpenPerAddr)
	case a.half.n() >= a.halfOpen:
		h := a.half.longest()
		if now.Sub(h.since) < a.pace.patience(h) {
			p.open--
			return nil, nil, errNoRoom
		}
		evicted = a.evict(h, ErrHalfOpen)
	}
	if a.rate > 0 {
		p.saved--
	}
	g := &guest{place: p}
	g.half = &halfOpen{guest: g, end: end, since: now}
	a.add(g.half)
	return g, evicted, nil
}

// evict counts a guest out that is to make room.
func (a *admission) evict(h *halfOpen, why error) *eviction {
	a.leave(h.guest)
	h.why, h.guest.half = why, h
	return &eviction{h.end, why}
}

// perAddrLimit is how many conns of one address may be half open, at least one.
func (a *admission) perAddrLimit(p *place) int {
	switch {
	case a.halfOpenPerAddr > 0:
		return a.halfOpenPerAddr
	case p.addr.IsLoopback(): // one's own machine opens many at once
		return a.halfOpen + 1
	}
	return DefaultHalfOpenPerAddr
}

// fits checks the limits of one address on more than half-open conns.
func (a *admission) fits(p *place, now time.Time) error {
	if a.perAddr > 0 && p.open >= a.perAddr {
		return ErrPerAddr
	}
	if a.rate > 0 {
		if a.recover(p, now); p.saved < 1 {
			return ErrRate
		}
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

// moved says that a guest has come a step further in its handshake. A nil guest
// is one that needed no admission, here and below.
func (a *admission) moved(g *guest) {
	if g == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	h := g.half
	if h == nil || g.place == nil {
		return
	}
	a.drop(h)
	now := time.Now()
	a.pace.step(now.Sub(h.since))
	h.spoke, h.since = true, now
	a.add(h)
}

// hand has end be what a guest is ended with from now on. It reports false when
// the guest had to make room already.
func (a *admission) hand(g *guest, end func(error)) bool {
	if g == nil {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.place == nil {
		return false
	}
	if g.half != nil {
		g.half.end = end
	}
	return true
}

// settled says that the handshake of a guest is complete.
func (a *admission) settled(g *guest) {
	if g == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if h := g.half; h != nil && g.place != nil {
		a.pace.step(time.Since(h.since))
		a.drop(h)
		g.half = nil
	}
}

// left says that a guest is gone. It returns why the guest had to make room, if
// it had.
func (a *admission) left(g *guest) error {
	if g == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leave(g)
	if g.half != nil {
		return g.half.why
	}
	return nil
}

// leave counts a guest out, once. a.mu is held.
func (a *admission) leave(g *guest) {
	p := g.place
	if p == nil {
		return
	}
	if g.half != nil {
		a.drop(g.half)
	}
	g.place, g.half = nil, nil
	p.open--
	a.forget(p)
}

// add puts a half-open one last in its queues. a.mu is held, as in drop.
func (a *admission) add(h *halfOpen) {
	h.all = a.half.queue(h).PushBack(h)
	h.near = h.guest.place.half.queue(h).PushBack(h)
}

// drop takes a half-open one off its queues.
func (a *admission) drop(h *halfOpen) {
	a.half.queue(h).Remove(h.all)
	h.guest.place.half.queue(h).Remove(h.near)
}
