package peer

// What a peer does with each packet type. Loops look it up without a lock; what they
// have looked up holds as long as the peer's epoch stays the same.

import (
	"sync/atomic"

	"github.com/packetmq/packetmq/registry"
)

// handler is what one peer does with one packet type. Its functions are called
// on a conn's loop.
type handler struct {
	packet  *registry.Type
	direct  func(c *Conn, payload []byte) error // decodes and handles in one go; nil if hooks want to see the value
	raw     func(c *Conn, payload []byte) error // handles without decoding
	decoded func(c *Conn, v any) error          // handles what was decoded
	fast    bool                                // these packets may take the fast path: direct needs no check before it
}

// handlers is what a peer does with its packets, by Type.Index. A slot is replaced
// at once.
type handlers []atomic.Pointer[handler]

// of finds what handles t, or nil.
func (hs handlers) of(t *registry.Type) *handler {
	if i := t.Index(); i < len(hs) {
		if h := hs[i].Load(); h != nil && h.packet == t {
			return h // and not that of a removed packet with the same index
		}
	}
	return nil
}

// with is hs with a handler, in the same memory unless it needs more.
func (hs handlers) with(h *handler) handlers {
	i := h.packet.Index()
	if i >= len(hs) {
		larger := make(handlers, max(i+1, 2*len(hs)))
		for j := range hs {
			larger[j].Store(hs[j].Load())
		}
		hs = larger
	}
	hs[i].Store(h)
	return hs
}

// handler finds what handles t, or nil.
func (p *Peer) handler(t *registry.Type) *handler { return p.handlers.Load().of(t) }

func (p *Peer) setHandler(t *registry.Type, h *handler) {
	if h.packet = t; t.Hooks() != nil {
		h.direct = nil
	}
	h.fast = h.direct != nil && t.Options().MaxSize == 0 && !t.Internal()
	p.mu.Lock()
	defer p.mu.Unlock()
	hs := p.handlers.Load().with(h)
	p.handlers.Store(&hs)
	p.epoch.Add(1)
}

// observed reports whether something wants to see every packet, so that none may go
// straight to its handler.
func (p *Peer) observed() bool {
	return p.hooked || p.packets.on.Load()
}
