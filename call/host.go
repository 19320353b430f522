package call

// What one peer has for all its calls: settings, counters, and which answers it handles.

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// hostSlot is where a peer has its host. It is an identity, and never changes.
var hostSlot = peer.NewPeerSlot[*host]()

// host is what a peer has for its calls.
type host struct {
	// Set once.
	peer   *peer.Peer
	errors *errorTable

	extended sync.Once // the peer announces FeatureTrace

	// For any goroutine.
	config  atomic.Pointer[Config]
	stats   counters
	answers atomic.Pointer[[]*registry.Type] // whose packets are handled, by Type.Index

	mu sync.Mutex // held while answers is changed

	// Guarded by mu.
	conns map[*connCalls]struct{} // of conns that are not lost
}

func hostOf(p *peer.Peer) *host {
	if h, ok := hostSlot.Get(p); ok {
		return h
	}
	return hostSlot.GetOrSet(p, func() *host {
		h := &host{peer: p, errors: errorsOf(p.Registry()), conns: make(map[*connCalls]struct{})}
		h.stats.handled = make([]paddedCounter, len(p.Reactor().Loops()))
		c := (*Config)(nil).withDefaults()
		h.config.Store(&c)
		h.answers.Store(new([]*registry.Type))
		return h
	})
}

// timeLeft is the time for a call of which the caller said that ms milliseconds were left.
func (h *host) timeLeft(ms uint64) time.Duration {
	if ms == 0 {
		return h.config.Load().Timeout
	}
	return duration(ms)
}

// handlesAnswers has the peer handle the answers of type t, from the first call on. Several
// first calls at once may each have it so, which comes to the same. No lock is held while
// handle runs, since that calls middleware of the program.
func (h *host) handlesAnswers(t *registry.Type, handle func()) {
	i := t.Index()
	if all := *h.answers.Load(); i < len(all) && all[i] == t {
		return
	}
	handle()
	h.mu.Lock()
	defer h.mu.Unlock()
	all := *h.answers.Load()
	changed := make([]*registry.Type, max(i+1, len(all)))
	copy(changed, all)
	changed[i] = t
	h.answers.Store(&changed)
}
