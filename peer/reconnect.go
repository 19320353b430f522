package peer

// How a client comes back to a server that it lost or did not reach.

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// target is what a client connects to, and how that went so far.
type target struct {
	addr   string     // of a Client
	host   MemoryHost // of a MemoryClient
	failed int        // attempts and short conns since a conn lasted
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

// attempted tells that a try failed, and tries again if that is wanted.
func (p *Peer) attempted(to target, err error) {
	if p.isClosed() {
		return
	}
	to.failed++
	p.reactor.Post(func() {
		defer p.comeBack(to, err)
		if f := p.cfg.OnConnectFailed; f != nil {
			f(to.name(), err)
		}
	})
}

// lostServer comes back to a server that was lost, if that is wanted. A conn that
// lasted was a success; one that did not counts like an attempt that failed.
func (p *Peer) lostServer(to target, lasted time.Duration, reason error) {
	b := p.cfg.Reconnect
	if b == nil {
		return
	}
	to.failed++
	if lasted >= b.Lasts {
		to.failed = 0
	}
	p.comeBack(to, reason)
}

// comeBack tries again later, if the configuration says so.
func (p *Peer) comeBack(to target, reason error) {
	b := p.cfg.Reconnect
	if b == nil || !b.again(reason) || b.Attempts > 0 && to.failed >= b.Attempts {
		return
	}
	p.later(b.delay(max(to.failed-1, 0)), func() { p.tryAgain(to) })
}

func (p *Peer) tryAgain(to target) {
	if to.host != nil {
		(&MemoryClient{p}).attempt(to)
		return
	}
	(&Client{p}).attempt(to)
}

func (b *Backoff) again(reason error) bool {
	if b.Again != nil {
		return b.Again(reason)
	}
	return !Permanent(reason)
}

// delay is how long to wait after a number of failures in a row, besides the
// first one.
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
	return max(d-d/4+half, d-d/4) // at the end of time the sum would turn over
}

// later calls fn after d on the first loop, unless the peer has closed by then.
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
