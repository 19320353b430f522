package peer

// Observers: packages beside this one hear of what becomes of conns, any number of them,
// each before the program's own callbacks in Config.Events.

import "slices"

// Observer is told what becomes of a peer's conns, on the loop of the conn that it is about.
// A nil function is not called. What holds for the program's callbacks of the same names in
// Events holds here too: a panic ends the conn and nothing else.
type Observer struct {
	// Made is called when a conn's handshake is complete, before Events.OnMade.
	Made func(c *Conn)

	// Updated is called when one of the sides has told the other what packets it has added or
	// removed since the conn was made: Conn.Knows may say something else now.
	Updated func(c *Conn)

	// Lost is called exactly once for every conn, made or not, before Events.OnLost. A panic
	// in it keeps nobody else from being told.
	Lost func(c *Conn, reason error)

	// Pressure is called before Events.OnPressure.
	Pressure func(c *Conn, above bool)
}

// Observe has o told of the peer's conns from now on, after the observers that there are
// already. For conns that exist it is told what happens to them next: Lost of a conn that
// was made before, for one. stop ends it; a call that is under way goes on.
func (p *Peer) Observe(o Observer) (stop func()) {
	if p.check() != nil {
		return func() {}
	}
	own := &o
	p.changeObservers(func(all []*Observer) []*Observer { return append(slices.Clone(all), own) })
	return func() {
		p.changeObservers(func(all []*Observer) []*Observer {
			return slices.DeleteFunc(slices.Clone(all), func(other *Observer) bool { return other == own })
		})
	}
}

func (p *Peer) changeObservers(change func([]*Observer) []*Observer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := change(p.allObservers())
	p.observers.Store(&all)
}

// allObservers are the peer's observers in the order in which they are told.
func (p *Peer) allObservers() []*Observer {
	if all := p.observers.Load(); all != nil {
		return *all
	}
	return nil
}

// tellMade calls everybody who wants to know that the conn is made.
func (c *Conn) tellMade() {
	for _, o := range c.peer.allObservers() {
		if o.Made != nil && !c.flags.has(lost) {
			o.Made(c)
		}
	}
	if f := c.peer.cfg.OnMade; f != nil && !c.flags.has(lost) {
		f(c)
	}
}

// tellUpdated calls everybody who wants to know that the packets of the sides have changed.
func (c *Conn) tellUpdated() {
	for _, o := range c.peer.allObservers() {
		if o.Updated != nil && !c.flags.has(lost) {
			o.Updated(c)
		}
	}
}

// tellLost calls everybody who wants to know that the conn is lost, the program last.
func (c *Conn) tellLost(reason error) {
	c.mark(lostTold)
	var told []func()
	for _, o := range c.peer.allObservers() {
		if o.Lost != nil {
			told = append(told, func() { o.Lost(c, reason) })
		}
	}
	told = c.appendLostFuncs(told, reason)
	if f := c.peer.cfg.OnLost; f != nil {
		told = append(told, func() { f(c, reason) })
	}
	c.callEach(told)
}

// callEach calls functions of the program one after the other. The rest is called by a
// deferred function: if one panics or ends its goroutine, the others are called all the same.
func (c *Conn) callEach(fns []func()) {
	if len(fns) == 0 {
		return
	}
	defer c.callEach(fns[1:])
	c.callProgram(fns[0])
}

// lostFunc is a function to call when a conn is lost.
type lostFunc struct{ call func(reason error) }

// OnLost has f called when the conn is lost, on its loop, once, with the reason that
// Events.OnLost is told, and before that. If the conn is lost already, f is posted to the
// loop at once, or called by OnLost itself if the loop has ended. stop takes f back, and reports whether that was in time: f will not be called.
// Any goroutine may call both.
//
// It is for what lives as long as a conn or shorter. For all conns of a peer there is Observe.
func (c *Conn) OnLost(f func(reason error)) (stop func() bool) {
	if c.check() != nil || f == nil {
		return func() bool { return false }
	}
	a, own := c.attach(), &lostFunc{f}
	a.mu.Lock()
	a.onLost = append(a.onLost, own)
	a.mu.Unlock()
	if c.marked(lostTold) { // tellLost may have looked before own was there
		late := func() { c.callEach(c.appendLostFuncs(nil, c.makeRare().why)) }
		if c.link.Loop().PostElse(late, late) != nil { // the loop has ended
			late()
		}
	}
	return func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		n := len(a.onLost)
		a.onLost = slices.DeleteFunc(a.onLost, func(other *lostFunc) bool { return other == own })
		return len(a.onLost) < n
	}
}

// appendLostFuncs appends calls of the functions of OnLost, which are then the conn's no more.
func (c *Conn) appendLostFuncs(fns []func(), reason error) []func() {
	a := c.extra.Load()
	if a == nil {
		return fns
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, own := range a.onLost {
		fns = append(fns, func() { own.call(reason) })
	}
	a.onLost = nil
	return fns
}
