package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// party is a peer with its conns.
type party struct {
	w      *world
	name   string
	host   *host
	book   *book
	base   *peer.Peer
	any    peer.Host
	to     peer.MemoryHost    // of a server
	client *peer.MemoryClient // of a client
	skips  bool               // the handshake
	foe    bool
	closed bool
	ids    uint64
	ends   map[uint64]*end
	all    []*end // in order
}

func (p *party) String() string { return p.name }

// newParty makes a server or a client.
func (w *world) newParty(name string, server bool, h *host, b *book) *party {
	p := &party{w: w, name: name, host: h, book: b, ends: make(map[uint64]*end)}
	p.foe = w.chance(20)
	p.skips = p.foe || w.chance(5)
	cfg := p.config()
	switch {
	case !server:
		p.client = peer.NewMemoryClient(b.reg, cfg)
		p.any, p.base = p.client, p.client.Peer
	case w.chance(50):
		s := peer.NewServer(b.reg, cfg)
		p.any, p.to, p.base = s, s, s.Peer
	default:
		s := peer.NewMemoryServer(b.reg, cfg)
		p.any, p.to, p.base = s, s, s.Peer
	}
	p.handle()
	if w.chance(30) {
		p.base.Use(looking)
	}
	w.trace.add("%v: host %d, book %d, adapts %v, foe %v, skips %v, overflow %d, frames of %d", p, h.name, b.no,
		b.adapt, p.foe, p.skips, cfg.Overflow, cfg.MaxFrame)
	return p
}

func (p *party) config() *peer.Config {
	w := p.w
	cfg := &peer.Config{
		Reactor: p.host.r,
		Wire:    peer.Wire{Wrap: p.wrap},
		Identity: peer.Identity{
			SkipHandshake: p.skips,
			NoExtensions:  w.chance(20),
		},
		Times: peer.Times{
			Handshake: w.time(pick(w, []time.Duration{time.Second, 5 * time.Second})),
			QuitGrace: w.time(pick(w, []time.Duration{300 * time.Millisecond, 5 * time.Second})),
			FrameTime: w.time(pick(w, []time.Duration{time.Second, 10 * time.Second})),
			Ping:      pick(w, []time.Duration{-1, 250 * time.Millisecond, 3 * time.Second, 0}),
			Idle:      w.time(pick(w, []time.Duration{0, 2 * time.Second})),
		},
		Overflow:  registry.Overflow(w.rng.IntN(5)),
		PacketLog: pick(w, []int{0, 0, 0, 4}),
		Logger:    w.logger(),
		Limits:    peer.Limits{WorkInOrder: workAtOnce},
		Events: peer.Events{
			OnMade:     p.onMade,
			OnLost:     p.onLost,
			OnPressure: p.onPressure,
			OnPacket:   func(c *peer.Conn, t *registry.Type, v any) error { return p.got(c, t.Name(), v) },
		},
	}
	if !cfg.NoExtensions && w.chance(20) && !p.skips { // a limit is announced in the handshake
		cfg.MaxFrame = 2000
	}
	if w.chance(20) {
		cfg.EncodedIn = func(_ *peer.Conn, b []byte) ([]byte, error) { return b, nil }
		cfg.PacketOut = func(_ *peer.Conn, _ *registry.Type, v any) (any, error) { return v, nil }
	}
	if w.chance(20) {
		cfg.PacketIn = p.packetIn
		cfg.EncodedOut = func(_ *peer.Conn, b []byte) ([]byte, error) { return b, nil }
	}
	return cfg
}

// packetIn is a hook that drops a packet now and then.
func (p *party) packetIn(c *peer.Conn, t *registry.Type, v any) (any, error) {
	if !p.w.chance(5) {
		return v, nil
	}
	p.w.trace.add("  %v: a hook drops it:", p)
	p.ends[c.ID()].got(t.Name(), v)
	return nil, peer.ErrDrop
}

// looking is a middleware that decodes each packet before its handler does.
func looking(next peer.Next) peer.Next {
	return func(in *peer.Incoming) error {
		if _, err := in.Value(); err != nil && in.Packet().GoType() != nil {
			return err
		}
		return next(in)
	}
}

// handle sets a handler for each packet of the book, but for those that are
// left to OnPacket.
func (p *party) handle() {
	for _, name := range p.book.names {
		switch p.book.forms[name] {
		case typed, reused, hooked:
			peer.Handle(p.any, p.book.packets[name], func(c *peer.Conn, v *parcel) error { return p.got(c, name, v) })
		case plain:
			p.any.Untyped().Handle(name, func(c *peer.Conn, v any) error { return p.got(c, name, v) })
		case raw:
			p.any.Untyped().HandleRaw(name, func(c *peer.Conn, b []byte) error { return p.got(c, name, b) })
		}
	}
}

// expect counts the conn that the peer is about to make.
func (p *party) expect(l *link, side int) *end {
	p.ids++
	e := &end{link: l, side: side, party: p, id: p.ids, injected: make(map[uint64]bool)}
	p.ends[e.id] = e
	p.all = append(p.all, e)
	return e
}

func (p *party) wrap(c *peer.Conn, inner engine.Transport) engine.Transport {
	e := p.ends[c.ID()]
	if e == nil {
		p.w.fail("%v opened a conn %d that nobody asked for", p, c.ID())
		return inner
	}
	p.w.trace.add("  %v is opened", e)
	if e.opened() {
		p.w.fail("%v was opened twice", e)
	}
	e.conn = c
	if p.foe {
		e.foe = &foe{w: p.w, e: e, inner: inner, pool: p.host.r.Buffers(), deaf: p.w.chance(20)}
		e.foe.script = p.w.script(e.other().party.book)
		return e.foe
	}
	e.wire = &wire{w: p.w, e: e, inner: inner, pool: p.host.r.Buffers(), cut: -1}
	return e.wire
}

func (p *party) onMade(c *peer.Conn) {
	e := p.ends[c.ID()]
	e.onMade()
	if !p.foe && p.w.chance(20) {
		p.w.reply(e)
	}
}

func (p *party) onLost(c *peer.Conn, reason error) {
	e := p.ends[c.ID()]
	e.onLost(reason)
	if !p.foe && e.made && !p.w.calm && p.w.chance(30) {
		p.w.trace.add("  %v says a last word", e)
		p.w.reply(e)
	}
	if !p.w.calm && p.client != nil && p.w.chance(10) {
		p.w.connectFrom(p) // as one does that comes back
	}
	if p.w.rage && p.w.chance(2) {
		e.acted = true
		panic(errOnPurpose)
	}
}

func (p *party) onPressure(c *peer.Conn, above bool) {
	e := p.ends[c.ID()]
	p.w.trace.add("  %v is above: %v", e, above)
	if p.w.chance(10) && !p.w.calm && !p.foe {
		defer p.w.reply(e)
	}
	if above == e.above {
		p.w.fail("%v was told twice that it is above: %v", e, above)
	}
	e.above = above
	if e.lost > 0 && c.State() == peer.Disconnected {
		p.w.fail("%v was told of pressure after its end", e)
	}
}

// got is every handler.
func (p *party) got(c *peer.Conn, name string, v any) error {
	e := p.ends[c.ID()]
	if p.foe {
		p.w.fail("%v got a packet, and should hear nothing", e)
		return nil
	}
	e.got(name, v)
	return p.react(e)
}

// react is what a handler does.
func (p *party) react(e *end) error {
	w := p.w
	if w.calm {
		return nil
	}
	k := w.rng.IntN(100)
	switch {
	case k < 20, k < w.chatty:
		w.reply(e)
	case k < 25:
		if o := p.some(); o != nil {
			w.send(o)
		}
	case k < 27:
		w.broadcast(p)
	case k < 28:
		w.pause(e)
	case k < 31:
		w.offload(e)
	case k < 33:
		e.conn.Loop().After(pick(w, []time.Duration{0, time.Millisecond, time.Second}), func() {
			if !w.calm {
				w.trace.add("  %v: a timer", e)
				w.send(e)
			}
		})
	}
	if !w.rage || k < 90 {
		return nil
	}
	switch w.rng.IntN(12) {
	case 0, 1:
		w.softquit(e)
	case 2:
		w.abort(e)
	case 3:
		w.trace.add("  %v: its handler fails", e)
		e.acted = true
		return errOnPurpose
	case 4:
		w.trace.add("  %v: its handler wants to quit", e)
		e.acted = true
		return peer.Reason("reason.handled")
	case 5:
		w.trace.add("  %v: its handler panics", e)
		e.acted = true
		panic(errOnPurpose)
	case 6:
		p.host.stop()
	case 7:
		if o := p.some(); o != nil {
			w.softquit(o)
		}
	}
	return nil
}

// some is one of the party's open conns, or nil.
func (p *party) some() *end {
	if len(p.all) == 0 {
		return nil
	}
	for range 3 {
		if e := pick(p.w, p.all); e.opened() && e.lost == 0 {
			return e
		}
	}
	return nil
}

// retire has the peer take no more conns, and end those it has.
func (p *party) retire() {
	p.closed = true
	for _, e := range p.all {
		e.link.external = true
	}
}

// leaves tells that the peer's conns are being ended.
func (p *party) leaves() bool { return p.closed || p.host.draining || p.host.closed }

func (p *party) close() {
	p.w.trace.add("%d %v closes", p.w.step, p)
	p.retire()
	if err := p.base.Close(); err != nil {
		p.w.fail("%v does not close: %v", p, err)
	}
}

// softquit ends a conversation.
func (w *world) softquit(e *end) {
	w.quits++
	reason := peer.Reason(fmt.Sprintf("quit.%d", w.quits))
	before := e.conn.State()
	var err error
	switch p := e.party; {
	case w.chance(60):
		err = e.conn.Softquit(reason)
	case w.chance(50) || p.client == nil:
		err = p.base.Untyped().Softquit(e.conn, reason)
	default:
		reason = peer.ReasonGeneric
		err = p.client.Untyped().Disconnect(e.conn)
	}
	w.trace.add("  %v: softquit %s: %v", e, reason, err)
	switch {
	case before < peer.Softquitted && err == nil:
		e.quit = reason
		e.acted = e.acted || !e.made // the other side has a second then, patient or not
	case before >= peer.Softquitted && errors.Is(err, peer.ErrNotActive):
	default:
		w.fail("%v: softquit in state %v: %v", e, before, err)
	}
}

// pause has the packets of a conn wait, or not wait any more. Some calls are made twice.
func (w *world) pause(e *end) {
	e.paused = !e.paused
	w.trace.add("  %v: paused %v", e, e.paused)
	for range 1 + w.rng.IntN(2) {
		if e.paused {
			e.conn.PauseRead()
		} else {
			e.conn.ResumeRead()
		}
	}
	if e.paused {
		e.pauses++
	}
}

func (w *world) abort(e *end) {
	w.trace.add("  %v: abort", e)
	e.acted = true
	e.conn.Abort(errOnPurpose)
}
