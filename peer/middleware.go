package peer

// Middleware: functions of the program around its handlers. They are composed with a
// handler when it is set, or when Use is called, so that a packet without middleware costs
// nothing more.

import (
	"errors"
	"fmt"
	"slices"

	"github.com/packetmq/packetmq/registry"
)

// Next handles a packet: the handler, or a middleware around it. Its error is treated as a
// handler's. It is called on the conn's loop, before the middleware that was given it
// returns.
type Next func(in *Incoming) error

// Middleware puts something around a handler:
//
//	func counted(next peer.Next) peer.Next {
//		return func(in *peer.Incoming) error {
//			count.Add(1)
//			return next(in)
//		}
//	}
//
// What it returns is called with each packet, on the conn's loop. It may look at the packet,
// replace its value, and return another error than that of next. If it does not call next,
// the packet goes no further: what it returns is treated as a handler's error, and nil drops
// the packet without a word to anybody. A panic or a Goexit in it ends the conn, as in a
// handler.
//
// The Middleware itself is called when handlers are set, once or more for each, on the
// goroutine that sets them: what its packets share belongs outside of it.
type Middleware func(next Next) Next

// Use puts middleware around all handlers of the peer, those that are set later and
// Config.OnPacket included. The first is the outermost; a further call adds inside of those
// of earlier ones. When Use returns, all packets go through it, but for those that are being
// handled at that time.
//
// Middleware comes after MaxSize, and after the hooks of Config and of packet objects: a
// packet that an OnReceive takes without a handler, and one that nobody handles, do not come
// to it.
//
// It panics where the program is wrong: a Middleware is nil, or returns nil. In the second
// case it may be around some handlers by then.
func (p *Peer) Use(m ...Middleware) {
	mustHandle("Use", p.check())
	mustHandle("Use", checkMiddleware(m))
	p.mu.Lock()
	all := slices.Concat(*p.use.Load(), m)
	p.use.Store(&all)
	p.mu.Unlock()
	hs := *p.handlers.Load()
	for i := range hs {
		if h := hs[i].Load(); h != nil {
			p.recompose(h.plain)
		}
	}
	p.composeOnPacket()
}

// HandleOption changes how one handler is called.
type HandleOption func(*handler)

// With puts middleware around one handler, inside of that of Use. The first is the
// outermost. Handle panics if one of them is nil.
func With(m ...Middleware) HandleOption {
	return func(h *handler) { h.inside = append(h.inside, m...) }
}

// Around puts middleware around one handler, outside of all other, that of Use included.
// It is for packages that make something of a handler's error, whoever returned it. The
// first is the outermost. Handle panics if one of them is nil.
func Around(m ...Middleware) HandleOption {
	return func(h *handler) { h.outside = append(h.outside, m...) }
}

var (
	errNilMiddleware = fmt.Errorf("%w middleware", ErrNil)
	errNilNext       = errors.New("peer: a middleware returned nil")
)

func checkMiddleware(m []Middleware) error {
	if slices.ContainsFunc(m, func(m Middleware) bool { return m == nil }) {
		return errNilMiddleware
	}
	return nil
}

// wrapped is next with middleware around it, the first of all as the outermost.
func wrapped(next Next, call string, all ...Middleware) Next {
	for _, m := range slices.Backward(all) {
		if next = m(next); next == nil {
			mustHandle(call, errNilNext)
		}
	}
	return next
}

// compose returns plain with its own middleware and that of use around it: plain itself if
// there is none. Middleware is the program's: no lock is held.
func (p *Peer) compose(plain *handler, call string, use []Middleware) *handler {
	all := slices.Concat(plain.outside, use, plain.inside)
	if len(all) == 0 {
		return plain
	}
	t := plain.packet
	first := wrapped(plain.last, call, all...)
	encoded := func(c *Conn, payload []byte) error {
		return p.incoming(c, t, plain, payload).pass(first)
	}
	h := *plain
	if h.direct != nil {
		h.direct = encoded
	}
	if h.raw != nil {
		h.raw = encoded
	}
	if h.decoded != nil {
		h.decoded = func(c *Conn, payload []byte, v any) error {
			if plain.takes != nil && !plain.takes(v) { // a hook has returned it
				var err error
				if v, err = p.convertReceived(t, v); err != nil {
					return err
				}
			}
			return p.decodedIncoming(c, t, plain, payload, v).pass(first)
		}
	}
	return &h
}

// last is the Next of the innermost middleware: it calls the handler, unless the middleware
// has ended the conn.
func (h *handler) last(in *Incoming) error {
	c := in.conn
	c.mustBeOnLoop("Next")
	switch {
	case c.flags.has(lost):
		return nil
	case h.raw != nil:
		return h.handleRaw(in)
	case in.holds == valueEncoded:
		return h.direct(c, in.payload)
	}
	return h.decoded(c, in.payload, in.value)
}

func (h *handler) handleRaw(in *Incoming) error {
	payload := in.payload
	if in.holds == valueReplaced {
		var err error
		if payload, err = in.conn.peer.marshal(nil, h.packet, in.value); err != nil {
			return err
		}
	}
	return h.raw(in.conn, payload)
}

// recompose composes a handler that is set with what Use was given.
func (p *Peer) recompose(plain *handler) {
	use := p.use.Load()
	h := p.compose(plain, "Use", *use)
	p.mu.Lock()
	defer p.mu.Unlock()
	i := plain.packet.Index()
	hs := *p.handlers.Load()
	if set := hs[i].Load(); p.use.Load() != use || set.plain != plain {
		return // another Use, or the setHandler of another handler, takes all of it into account
	}
	hs[i].Store(h)
	p.epoch.Add(1)
}

// composeOnPacket puts the middleware of Use around Config.OnPacket.
func (p *Peer) composeOnPacket() {
	if p.cfg.OnPacket == nil {
		return
	}
	use := p.use.Load()
	first := wrapped(p.lastOnPacket, "Use", *use...)
	onPacket := func(c *Conn, t *registry.Type, payload []byte, v any) error {
		return p.decodedIncoming(c, t, nil, payload, v).pass(first)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.use.Load() == use {
		p.onPacket.Store(&onPacket)
	}
}

// lastOnPacket is last for a packet without a handler.
func (p *Peer) lastOnPacket(in *Incoming) error {
	c := in.conn
	c.mustBeOnLoop("Next")
	if c.flags.has(lost) {
		return nil
	}
	return p.cfg.OnPacket(c, in.packet, in.value)
}

// callOnPacket calls Config.OnPacket, through middleware if there is any.
func (p *Peer) callOnPacket(c *Conn, t *registry.Type, payload []byte, v any) error {
	if through := p.onPacket.Load(); through != nil {
		return (*through)(c, t, payload, v)
	}
	return p.cfg.OnPacket(c, t, v)
}
