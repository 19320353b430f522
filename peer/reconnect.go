package peer

// How a client with Config.Reconnect comes back to a server that it lost or did not reach:
// after a back-off, which grows with each failure in a row.

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// target is what a client connects to, and how often that has failed.
type target struct {
	addr   string     // of a Client
	host   MemoryHost // of a MemoryClient
	adapt  Adapt      // of the Connect, in place of the peer's
	label  any        // of WithLabel
	failed int        // attempts, and conns that did not last, since one that did
}

// name is the address that callbacks are told.
func (t target) name() string {
	if t.host != nil {
		return "mem"
	}
	return t.addr
}

// Permanent reports whether coming back cannot help against why a conn was not
// made, or was lost: the server has denied the client, the two speak different
// versions, know different packets, or go by the same policy about ids; or a
// memory client's server has closed.
func Permanent(reason error) bool {
	for _, r := range []error{ReasonDenied, ReasonVersionMismatch, ReasonNonEqualPackets, ReasonSameAdaptivePolicy, ErrClosed} {
		if errors.Is(reason, r) {
			return true
		}
	}
	return false
}

// attempted tells the program that an attempt has failed, and may try again later.
func (p *Peer) attempted(to target, err error) {
	if p.isClosed() {
		return
	}
	to.failed++
	p.reactor.Post(func() {
		defer p.retryLater(to, err)
		if f := p.cfg.OnConnectFailed; f != nil {
			f(to.name(), err)
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
	p.later(b.delay(max(to.failed-1, 0)), func() { p.retry(to) })
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
