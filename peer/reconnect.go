package peer

// How a client with Config.Reconnect comes back to a server that it lost or did not reach:
// after a back-off, which grows with each failure in a row, or as the server has advised.

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// target is what a client connects to, and how often that has failed.
type target struct {
	addr    string     // of a Client, as the program gave it
	advised string     // where a server has sent the client, in place of addr; empty: nowhere
	host    MemoryHost // of a MemoryClient
	adapt   Adapt      // of the Connect, in place of the peer's
	failed  int        // attempts, and conns that did not last, since one that did
	label   any        // of WithLabel
}

// name is the address that callbacks are told.
func (t target) name() string {
	if t.host != nil {
		return "mem"
	}
	return t.address()
}

// address is where a Client connects to.
func (t target) address() string { return cmp.Or(t.advised, t.addr) }

// attempted tells the program that an attempt has failed, and may try again later.
func (p *Peer) attempted(to target, err error) {
	if p.isClosed() {
		return
	}
	name := to.name()
	to.failed++
	to.advised = "" // the next attempt is where the program said, which knows best what is there
	p.reactor.Post(func() {
		defer p.retryLater(to, err)
		if f := p.cfg.OnConnectFailed; f != nil {
			f(name, err)
		}
	})
}

// lostServer may come back to a server that was lost. A conn that has not lasted counts as a
// failure.
func (p *Peer) lostServer(to target, lasted time.Duration, reason error) {
	b := p.cfg.Reconnect
	if b == nil {
		return
	}
	to.failed++
	if lasted >= b.Lasts {
		to.failed = 0
	}
	p.retryLater(to, reason)
}

// retryLater tries again after the back-off, if Config.Reconnect says so.
func (p *Peer) retryLater(to target, reason error) {
	b := p.cfg.Reconnect
	if b == nil || !b.again(reason) || b.Attempts > 0 && to.failed >= b.Attempts {
		return
	}
	wait := b.delay(max(to.failed-1, 0))
	if a := AdviceOf(reason); a != nil {
		wait = b.follow(a, &to, wait)
	}
	p.later(wait, func() { p.retry(to) })
}

// follow does what a server has advised: it changes the address in to, if the program allows
// that, and returns how long to wait instead of wait.
func (b *Backoff) follow(a *Advice, to *target, wait time.Duration) time.Duration {
	if a.To != "" && to.host == nil && b.mayFollow(to.address(), a.To) {
		to.advised = a.To
		if to.failed <= 1 { // else servers may be sending the client to and fro
			wait = 0
		}
	}
	// Up to a quarter more, so that those who were told the same do not come together.
	return max(wait, a.After+rand.N(a.After/4+1))
}

// mayFollow reports whether a client that was connected to from may go to the address to.
func (b *Backoff) mayFollow(from, to string) bool {
	return sameAddress(from, to) || b.Follow != nil && b.Follow(from, to)
}

// sameAddress reports whether two addresses are written the same, but for a "tcp://" that may
// be left out.
func sameAddress(a, b string) bool {
	return strings.TrimPrefix(a, "tcp://") == strings.TrimPrefix(b, "tcp://")
}

// FollowTLS is a Backoff.Follow that lets a client go from a server whose certificate it has
// verified to any other whose certificate it will verify: from tls:// or wss:// to tls:// or
// wss://. What is verified is in Config.TLS. A ServerName that is set there is wanted of the
// other server too.
func FollowTLS(from, to string) bool { return speaksTLS(from) && speaksTLS(to) }

func speaksTLS(addr string) bool {
	return strings.HasPrefix(addr, "tls://") || strings.HasPrefix(addr, "wss://")
}

// FollowTo is a Backoff.Follow that lets a client go to these addresses, written as the
// servers advise them, and to no others.
func FollowTo(addrs ...string) func(from, to string) bool {
	addrs = slices.Clone(addrs)
	return func(_, to string) bool { return slices.Contains(addrs, to) }
}

// retry begins another attempt.
func (p *Peer) retry(to target) {
	if to.host != nil {
		(&MemoryClient{p}).attempt(to)
		return
	}
	(&Client{p}).attempt(to)
}

// again reports whether the program wants another attempt after a failure.
func (b *Backoff) again(reason error) bool {
	if b.Again != nil {
		return b.Again(reason)
	}
	return !Permanent(reason)
}

// delay is how long to wait after so many failures in a row, not counting the first one.
func (b *Backoff) delay(failed int) time.Duration {
	d := b.Min
	for range failed {
		if d >= b.Max/2 {
			d = b.Max
			break
		}
		d *= 2
	}
	half := rand.N(d/2 + 1)
	return max(d-d/4+half, d-d/4) // the sum may overflow, and is negative then
}

// later calls fn after d on the first loop, unless the peer is closed by then.
func (p *Peer) later(d time.Duration, fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	var t *engine.Timer
	t = p.reactor.After(d, func() {
		p.mu.Lock()
		delete(p.reconnectTimers, t)
		p.mu.Unlock()
		fn()
	})
	p.reconnectTimers[t] = struct{}{}
}
