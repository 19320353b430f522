package sim

import (
	"context"
	"errors"
	"time"

	"github.com/packetmq/packetmq/engine"
	"github.com/packetmq/packetmq/peer"
)

// deed is something that the scheduler can do next.
type deed struct {
	weight int
	do     func()
}

// arm chooses how often this run does what: some deeds are left out of it, so
// that not every run ends in the same few ways.
func (w *world) arm() {
	for _, d := range []deed{
		{400, w.turn}, {60, w.doAdvance}, {40, w.connect}, {40, w.doWork}, // always
		{200, w.doSend}, {5, w.doGush}, {20, w.doBroadcast}, {30, w.doInject},
		{8, w.doQuit}, {4, w.doAbort}, {8, w.doOverflow}, {3, w.doChange},
		{20, w.doPause}, {4, w.doStop}, {10, w.doRun}, {40, w.doFault}, {60, w.doFoe}, {15, w.turnAll},
		{1, w.doShutdown}, {1, w.doCancel}, {1, w.doClose}, {1, w.doDrainHost}, {1, w.doCloseHost},
	} {
		if len(w.deeds) >= 4 {
			d.weight *= pick(w, []int{0, 1, 1, 1, 4})
		}
		w.deeds = append(w.deeds, d)
	}
}

// act does one thing.
func (w *world) act() {
	total := 0
	for _, d := range w.deeds {
		total += d.weight
	}
	k := w.rng.IntN(total)
	for _, d := range w.deeds {
		if k -= d.weight; k < 0 {
			d.do()
			w.bubble()
			return
		}
	}
}

// turn has a loop take a turn, one with something to do if chance finds it.
func (w *world) turn() {
	for range 5 {
		h := pick(w, w.hosts)
		i := w.rng.IntN(h.loops)
		if h.runs() && (h.v.Pending(i) || w.chance(5)) {
			h.turn(i)
			return
		}
	}
}

func (w *world) doAdvance() {
	d := pick(w, []time.Duration{time.Millisecond, 5 * time.Millisecond, 250 * time.Millisecond, time.Second, 7 * time.Second})
	if next, ok := pick(w, w.hosts).v.Next(); ok && w.chance(60) {
		d = next
	}
	w.trace.add("%d time goes on by %v", w.step, d)
	w.advance(d)
}

func (w *world) connect() { w.connectFrom(pick(w, w.clients)) }

func (w *world) connectFrom(c *party) {
	if len(w.live) >= 12 {
		return
	}
	s := pick(w, w.servers)
	if c.foe && s.foe || c.skips && s.skips && !c.foe && !s.foe && c.book != s.book {
		return
	}
	l := &link{w: w, no: len(w.links), foe: c.foe || s.foe}
	l.external = c.closed || s.closed || c.host.draining || s.host.draining || c.host.closed || s.host.closed
	insists := s.book
	if insists.adapt {
		insists = c.book
	}
	l.ids = insists.ids()
	l.unlike = c.book.adapt == s.book.adapt || !c.book.equal(s.book)
	if c.skips || s.skips {
		l.unlike = c.skips != s.skips || c.book != s.book
	}
	before := w.attached(c, s)
	near, far := c.ids, s.ids
	if !c.closed {
		l.ends[0] = c.expect(l, 0)
		if !s.closed {
			l.ends[1] = s.expect(l, 1)
		}
	}
	err := c.client.ConnectAsync(s.to)
	w.trace.add("%d link %d: %v/%d to %v/%d, unlike %v: %v", w.step, l.no, c, near+1, s, far+1, l.unlike, err)
	if l.ends[1] == nil {
		if !errors.Is(err, peer.ErrClosed) {
			w.fail("%v connected to %v, one of which is closed: %v", c, s, err)
		}
		if l.ends[0] != nil { // its number is used up
			delete(c.ends, l.ends[0].id)
			c.all = c.all[:len(c.all)-1]
		}
		return
	}
	if err != nil {
		l.broken = true
		l.ends[0].missing = true
		l.ends[1].missing = w.attached(c, s) == before
		if !errors.Is(err, engine.ErrTooManyConns) && !c.host.closed && !s.host.closed {
			w.fail("%v did not connect to %v: %v", c, s, err)
		}
	}
	w.links = append(w.links, l)
	w.live = append(w.live, l)
}

// attached counts the conns of the reactors of two parties.
func (w *world) attached(a, b *party) int {
	n := a.host.r.Conns()
	if a.host != b.host {
		n += b.host.r.Conns()
	}
	return n
}

// someEnd is a conn that is not lost, of a real peer; nil if chance finds none.
func (w *world) someEnd() *end {
	if len(w.live) == 0 {
		return nil
	}
	for range 4 {
		e := pick(w, w.live).ends[w.rng.IntN(2)]
		if e.opened() && e.lost == 0 && !e.party.foe {
			return e
		}
	}
	return nil
}

// some has f called with a conn, if chance finds one.
func (w *world) some(f func(e *end)) {
	if e := w.someEnd(); e != nil {
		f(e)
	}
}

func (w *world) doSend() {
	w.some(func(e *end) {
		n := 1
		if w.chance(10) {
			n = 80 // more than a pair has slots
		}
		w.trace.add("%d %v sends %d", w.step, e, n)
		for range n {
			w.send(e)
		}
	})
}

// doGush has one side send for longer than a pair has slots, while the other
// does not read.
func (w *world) doGush() {
	w.some(func(e *end) {
		h, l := e.party.host, e.conn.Loop()
		w.trace.add("%d %v gushes", w.step, e)
		for range 60 + w.rng.IntN(60) {
			if e.lost > 0 || !h.runs() || w.budget <= 0 || w.failure != "" {
				return
			}
			w.send(e)
			h.turn(l.Index())
			w.check()
		}
	})
}

func (w *world) doBroadcast() {
	w.trace.add("%d broadcast", w.step)
	w.broadcast(pick(w, w.parties))
}

func (w *world) doInject() { w.some(w.inject) }

func (w *world) doQuit() {
	w.trace.add("%d quit", w.step)
	w.some(w.softquit)
}

func (w *world) doAbort() { w.some(w.abort) }

func (w *world) doPause() {
	w.trace.add("%d pause", w.step)
	w.some(w.pause)
}

func (w *world) doOverflow() { w.some(w.overflow) }

func (w *world) doChange() {
	w.trace.add("%d a registry changes", w.step)
	pick(w, w.books).change()
}

// doStop stops a host, as something on one of its loops would.
func (w *world) doStop() {
	h := pick(w, w.hosts)
	if h.runs() {
		w.trace.add("%d host %d is asked to stop", w.step, h.name)
		pick(w, h.r.Loops()).Post(h.stop)
	}
}

func (w *world) doRun() {
	if h := pick(w, w.hosts); h.stopped && !h.closed {
		h.run()
	}
}

func (w *world) doFault() {
	w.some(func(e *end) {
		if !e.wire.closed {
			e.wire.meddle()
		}
	})
}

func (w *world) doFoe() {
	for range 6 {
		if len(w.live) == 0 {
			return
		}
		e := pick(w, w.live).ends[w.rng.IntN(2)]
		if e.foe != nil {
			w.trace.add("%d foe %v", w.step, e)
			e.foe.act()
			return
		}
	}
}

// doShutdown has a peer leave in order, while others go on.
func (w *world) doShutdown() {
	p := pick(w, w.parties)
	w.trace.add("%d %v shuts down", w.step, p)
	p.retire()
	ctx, cancel := context.WithCancel(context.Background())
	d := &drain{cancel, make(chan error, 1)}
	go func() { d.done <- p.base.Shutdown(ctx) }()
	w.drains = append(w.drains, d)
}

// doCancel waits no longer for a peer that shuts down.
func (w *world) doCancel() {
	if len(w.drains) > 0 {
		w.trace.add("%d a shutdown takes too long", w.step)
		pick(w, w.drains).cancel()
	}
}

func (w *world) doClose() { pick(w, w.parties).close() }

func (w *world) doDrainHost() {
	if h := pick(w, w.hosts); !h.closed {
		h.drain()
	}
}

func (w *world) doCloseHost() {
	if h := pick(w, w.hosts); !h.closed {
		h.close()
	}
}
