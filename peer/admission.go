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

	"github.com/packetmq/packetmq/internal/throttle"
)

// Why an accepted socket was closed at once, or before its handshake was done.
var (
	ErrHalfOpen        = errors.New("peer: too many conns have not finished their handshake")
	ErrHalfOpenPerAddr = errors.New("peer: too many conns from this address have not finished their handshake")
	ErrPerAddr         = errors.New("peer: too many conns from this address")
	ErrRate            = errors.New("peer: this address connects too often")
)

// admission decides which accepted sockets are let in. IPv4 addresses are counted
// one by one, IPv6 addresses by /64, which is what one customer has. Sockets without
// an IP address are counted only in total.
//
// The number of sockets whose handshake is not complete is bounded. When the bound is
// reached, a newcomer is let in and an old one is ended: silent sockets could keep
// everybody out if newcomers were refused. halfOpenQueues says which one is ended.
//
// An address is forgotten when nothing is open from it and its tokens have grown
// back, so memory is bounded by the open sockets and by those that came lately.
type admission struct {
	halfOpen, halfOpenPerAddr, perAddr int
	rate                               float64 // conns of one address a second; 0: no limit

	mu       sync.Mutex // guards what follows, and all addrCount, halfOpen and admittedSocket
	half     halfOpenQueues
	steps    stepTimes
	addrs    map[netip.Addr]*addrCount
	forgetAt int       // when there are so many addrs, forgetIdle is called
	noAddr   addrCount // of sockets without an IP address
}

// addrCount is what is counted of one address.
type addrCount struct {
	addr     netip.Addr
	open     int            // sockets
	half     halfOpenQueues // those of them whose handshake is not complete
	tokens   float64        // sockets that the rate allows now
	refilled time.Time      // when tokens was computed
}

// admittedSocket is a socket that was let in and is counted until its release. A nil
// one needed no admission; the methods of admission do nothing with it.
type admittedSocket struct {
	addr *addrCount // nil: it was released, or was ended to make room
	half *halfOpen  // nil: its handshake is complete, or it was released before that
}

// minAddrs is a number of addresses that is not worth looking through for idle ones.
const minAddrs = 1024

// roomCheckInterval is how often a newcomer that waits for room tries again.
const roomCheckInterval = 5 * time.Millisecond

// admit lets a socket in, or returns why not. The caller reports the socket's progress
// and its release. Any goroutine may call end to end the socket when it has to make
// room. While nobody has to make room yet, admit waits; it gives up when ctx is done.
func (a *admission) admit(ctx context.Context, remote net.Addr, end func(error)) (*admittedSocket, error) {
	addr, hasIP := throttle.AddrKey(remote)
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

// errNoRoom is returned while nobody has to make room yet.
var errNoRoom = errors.New("peer: no room yet")

// eviction is a socket that the caller has to end, once a.mu is unlocked.
type eviction struct {
	end func(error)
	why error
}

// tryAdmit is admit without the wait, which errNoRoom asks for.
func (a *admission) tryAdmit(addr netip.Addr, hasIP bool, end func(error)) (*admittedSocket, *eviction, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, now := &a.noAddr, time.Now()
	if hasIP {
		p = a.addrCount(addr)
		defer a.forgetIfIdle(p)
		if err := a.checkAddr(p, now); err != nil {
			return nil, nil, err
		}
	}
	p.open++ // before evict, which would forget p if its last socket had to make room
	evicted := a.evictOfAddr(p)
	if evicted == nil && a.half.len() >= a.halfOpen {
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

// recount counts a half-open socket with the address of the client that a proxy has brought.
// It was let in without an address. If the client may not come in, recount returns why, and
// the caller releases the socket. Any goroutine may call end from now on, as with admit.
func (a *admission) recount(g *admittedSocket, client net.Addr, end func(error)) error {
	evicted, err := a.tryRecount(g, client, end)
	if evicted != nil {
		evicted.end(evicted.why)
	}
	return err
}

// tryRecount is recount but for the end of a socket that has to make room.
func (a *admission) tryRecount(g *admittedSocket, client net.Addr, end func(error)) (*eviction, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.addr == nil {
		return nil, g.half.why
	}
	g.half.end = end
	addr, hasIP := throttle.AddrKey(client)
	if !hasIP {
		return nil, nil
	}
	p, now := a.addrCount(addr), time.Now()
	defer a.forgetIfIdle(p)
	if err := a.checkAddr(p, now); err != nil {
		return nil, err
	}
	a.dequeue(g.half)
	g.addr.open--
	p.open++
	evicted := a.evictOfAddr(p)
	if a.rate > 0 {
		p.tokens--
	}
	g.addr, g.half.since = p, now // the client comes now
	a.enqueue(g.half)
	return evicted, nil
}

// evictOfAddr releases a socket of an address that has to make room for one more of the same
// address, if any has to. The bound of one address concerns nobody else, so there is no wait.
// a.mu is held.
func (a *admission) evictOfAddr(p *addrCount) *eviction {
	if p == &a.noAddr || p.half.len() < a.perAddrLimit(p) {
		return nil
	}
	return a.evict(p.half.oldest(), ErrHalfOpenPerAddr)
}

// evict releases a socket that has to make room. a.mu is held.
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
	case p.addr.IsLoopback(): // programs of this machine open many at once
		return a.halfOpen + 1
	}
	return DefaultHalfOpenPerAddr
}

// checkAddr checks the bounds on all conns of one address. a.mu is held.
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

// refill lets the tokens of an address grow back, to those of one second and one
// more. a.mu is held.
func (a *admission) refill(p *addrCount, now time.Time) {
	p.tokens = min(p.tokens+now.Sub(p.refilled).Seconds()*a.rate, a.rate+1)
	p.refilled = now
}

// addrCount is the count of an address, made if there is none. a.mu is held.
func (a *admission) addrCount(addr netip.Addr) *addrCount {
	if p := a.addrs[addr]; p != nil {
		return p
	}
	if a.addrs == nil {
		a.addrs = make(map[netip.Addr]*addrCount)
		a.forgetAt = minAddrs
	}
	if len(a.addrs) >= a.forgetAt {
		a.forgetIdle()
		a.forgetAt = max(minAddrs, 2*len(a.addrs))
	}
	p := &addrCount{addr: addr, tokens: a.rate + 1, refilled: time.Now()}
	a.addrs[addr] = p
	return p
}

// forgetIdle forgets the addresses that have nothing open and all their tokens. a.mu
// is held.
func (a *admission) forgetIdle() {
	now := time.Now()
	for _, p := range a.addrs {
		a.refill(p, now)
		a.forgetIfIdle(p)
	}
}

// forgetIfIdle does that for one address. a.mu is held.
func (a *admission) forgetIfIdle(p *addrCount) {
	if p.open == 0 && (a.rate == 0 || p.tokens >= a.rate) {
		delete(a.addrs, p.addr)
	}
}

// progressed notes that a socket has made a step of its handshake.
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

// setEnd replaces the function that ends the socket. It returns false if the socket
// had to make room before.
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

// completed notes that the handshake of a socket is complete.
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

// release gives the socket's place in the bounds back. It returns why the socket had
// to make room, or nil.
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

// releaseLocked is release for a caller that holds a.mu. A second call does nothing.
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
	a.forgetIfIdle(p)
}

// enqueue puts h last in its two queues. a.mu is held.
func (a *admission) enqueue(h *halfOpen) {
	h.inAll = a.half.queue(h).PushBack(h)
	h.inAddr = h.admitted.addr.half.queue(h).PushBack(h)
}

// dequeue takes h out of its two queues. a.mu is held.
func (a *admission) dequeue(h *halfOpen) {
	a.half.queue(h).Remove(h.inAll)
	h.admitted.addr.half.queue(h).Remove(h.inAddr)
}
