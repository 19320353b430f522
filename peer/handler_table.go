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
	direct  func(c *Conn, payload []byte) error        // decodes and handles in one go; nil if hooks want to see the value
	raw     func(c *Conn, payload []byte) error        // handles without decoding
	decoded func(c *Conn, payload []byte, v any) error // handles what was decoded from payload, nil if there is none
	fast    bool                                       // these packets may take the fast path: direct needs no check before it

	plain           *handler                                   // without the middleware around it; itself if there is none
	inside, outside []Middleware                               // of its options With and Around
	decode          func(c *Conn, payload []byte) (any, error) // for Incoming.Value; nil: Peer.decode
	takes           func(v any) bool                           // whether decoded takes v as it is; nil: convertReceived knows
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

// setHandler sets what handles packets of type t, with the middleware of opts and of Use
// around it. The call is what the program has called.
func (p *Peer) setHandler(t *registry.Type, h *handler, call string, opts []HandleOption) {
	if h.packet, h.plain = t, h; t.Hooks() != nil {
		h.direct = nil
	}
	h.fast = h.direct != nil && t.Options().MaxSize == 0 && !t.Internal()
	for _, o := range opts {
		if o != nil {
			o(h)
		}
	}
	mustHandle(call, checkMiddleware(h.inside))
	mustHandle(call, checkMiddleware(h.outside))
	for done := false; !done; {
		use := p.use.Load()
		done = p.putHandler(p.compose(h, call, *use), use)
	}
}

// putHandler puts a handler in its slot, unless Use was called since it was composed.
func (p *Peer) putHandler(h *handler, use *[]Middleware) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.use.Load() != use {
		return false
	}
	hs := p.handlers.Load().with(h)
	p.handlers.Store(&hs)
	p.epoch.Add(1)
	return true
}

// observed reports whether something wants to see every packet, so that none may go
// straight to its handler.
func (p *Peer) observed() bool {
	return p.hooked || p.packets.on.Load()
}
