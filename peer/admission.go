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

	mu    sync.Mutex
	half  halfOpenQueues
	steps stepTimes
	addrs map[netip.Addr]*addrCount
	sweep int       // places at which the next sweep is due
	other addrCount // of sockets without an IP address
}

// addrCount is one address.
type addrCount struct {
	addr     netip.Addr
	open     int
	half     halfOpenQueues
	tokens   float64 // conns that the rate allows now
	refilled time.Time
}

// admittedSocket is an accepted socket for the admission, as long as it is open.
type admittedSocket struct {
	addr *addrCount // nil: it is gone
	half *halfOpen  // nil: its handshake was completed, or it left by itself
}

// minSweep is the number of places that are not worth looking through.
const minSweep = 1024

// addrKey is what an address counts as; ok is false where there is no IP.
func addrKey(a net.Addr) (addr netip.Addr, ok bool) {
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

// roomCheckInterval is how often a newcomer that waits for room looks for some.
const roomCheckInterval = 5 * time.Millisecond

// admit lets a socket in, as a guest whose progress and end are to be told, or
// says why not. With end the guest can be ended to make room, by any goroutine.
// Where nobody has to make room yet, it waits until somebody has, or ctx is done.
func (a *admission) admit(ctx context.Context, remote net.Addr, end func(error)) (*admittedSocket, error) {
	addr, hasIP := addrKey(remote)
	for {
		g, evicted, err := a.tryAdmit(addr, hasIP, end)
		if evicted != nil {
			evicted.end(evicted.why)
		}
		if err != errNoRoom {
			return g, err
		}
		select {
		case <-time.After(roomCheckInterval):
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

func (a *admission) tryAdmit(addr netip.Addr, hasIP bool, end func(error)) (*admittedSocket, *eviction, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, now := &a.other, time.Now()
	if hasIP {
		p = a.addrCount(addr)
		defer a.forget(p)
		if err := a.checkAddr(p, now); err != nil {
			return nil, nil, err
		}
	}
	p.open++ // so that p is not forgotten with who has to make room
	var evicted *eviction
	switch {
	case hasIP && p.half.len() >= a.perAddrLimit(p):
		// One address does not make the others wait, and so never waits itself.
		evicted = a.evict(p.half.oldest(), ErrHalfOpenPerAddr)
	case a.half.len() >= a.halfOpen:
		h := a.half.oldest()
		if now.Sub(h.since) < a.steps.grace(h) {
			p.open--
			return nil, nil, errNoRoom
		}
		evicted = a.evict(h, ErrHalfOpen)
	}
	if a.rate > 0 {
		p.tokens--
	}
	g := &admittedSocket{addr: p}
	g.half = &halfOpen{admitted: g, end: end, since: now}
	a.enqueue(g.half)
	return g, evicted, nil
}

// evict counts a guest out that is to make room.
func (a *admission) evict(h *halfOpen, why error) *eviction {
	a.releaseLocked(h.admitted)
	h.why, h.admitted.half = why, h
	return &eviction{h.end, why}
}

// perAddrLimit is how many conns of one address may be half open, at least one.
func (a *admission) perAddrLimit(p *addrCount) int {
	switch {
	case a.halfOpenPerAddr > 0:
		return a.halfOpenPerAddr
	case p.addr.IsLoopback(): // one's own machine opens many at once
		return a.halfOpen + 1
	}
	return DefaultHalfOpenPerAddr
}

// checkAddr checks the limits of one address on more than half-open conns.
func (a *admission) checkAddr(p *addrCount, now time.Time) error {
	if a.perAddr > 0 && p.open >= a.perAddr {
		return ErrPerAddr
	}
	if a.rate > 0 {
		if a.refill(p, now); p.tokens < 1 {
			return ErrRate
		}
	}
	return nil
}

// refill lets the rate of an address grow back, to a second's worth and one.
func (a *admission) refill(p *addrCount, now time.Time) {
	p.tokens = min(p.tokens+now.Sub(p.refilled).Seconds()*a.rate, a.rate+1)
	p.refilled = now
}

// addrCount finds or makes the place of an address. a.mu is held.
func (a *admission) addrCount(addr netip.Addr) *addrCount {
	if p := a.addrs[addr]; p != nil {
		return p
	}
	if a.addrs == nil {
		a.addrs = make(map[netip.Addr]*addrCount)
		a.sweep = minSweep
	}
	if len(a.addrs) >= a.sweep {
		a.forgetIdle()
		a.sweep = max(minSweep, 2*len(a.addrs))
	}
	p := &addrCount{addr: addr, tokens: a.rate + 1, refilled: time.Now()}
	a.addrs[addr] = p
	return p
}

// forgetIdle forgets the places whose rate has recovered. a.mu is held.
func (a *admission) forgetIdle() {
	now := time.Now()
	for _, p := range a.addrs {
		a.refill(p, now)
		a.forget(p)
	}
}

// forget drops a place that has nothing to remember. a.mu is held.
func (a *admission) forget(p *addrCount) {
	if p.open == 0 && (a.rate == 0 || p.tokens >= a.rate) {
		delete(a.addrs, p.addr)
	}
}

// progressed says that a guest has come a step further in its handshake. A nil guest
// is one that needed no admission, here and below.
func (a *admission) progressed(g *admittedSocket) {
	if g == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	h := g.half
	if h == nil || g.addr == nil {
		return
	}
	a.dequeue(h)
	now := time.Now()
	a.steps.note(now.Sub(h.since))
	h.heard, h.since = true, now
	a.enqueue(h)
}

// setEnd has end be what a guest is ended with from now on. It reports false when
// the guest had to make room already.
func (a *admission) setEnd(g *admittedSocket, end func(error)) bool {
	if g == nil {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.addr == nil {
		return false
	}
	if g.half != nil {
		g.half.end = end
	}
	return true
}

// completed says that the handshake of a guest is complete.
func (a *admission) completed(g *admittedSocket) {
	if g == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if h := g.half; h != nil && g.addr != nil {
		a.steps.note(time.Since(h.since))
		a.dequeue(h)
		g.half = nil
	}
}

// release says that a guest is gone. It returns why the guest had to make room, if
// it had.
func (a *admission) release(g *admittedSocket) error {
	if g == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.releaseLocked(g)
	if g.half != nil {
		return g.half.why
	}
	return nil
}

// releaseLocked counts a guest out, once. a.mu is held.
func (a *admission) releaseLocked(g *admittedSocket) {
	p := g.addr
	if p == nil {
		return
	}
	if g.half != nil {
		a.dequeue(g.half)
	}
	g.addr, g.half = nil, nil
	p.open--
	a.forget(p)
}

// enqueue puts a half-open one last in its queues. a.mu is held, as in drop.
func (a *admission) enqueue(h *halfOpen) {
	h.inAll = a.half.queue(h).PushBack(h)
	h.inAddr = h.admitted.addr.half.queue(h).PushBack(h)
}

// dequeue takes a half-open one off its queues.
func (a *admission) dequeue(h *halfOpen) {
	a.half.queue(h).Remove(h.inAll)
	h.admitted.addr.half.queue(h).Remove(h.inAddr)
}
