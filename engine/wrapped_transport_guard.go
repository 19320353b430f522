package engine

// What keeps a panic or a Goexit in a Wrapper's transport from the loop.

import "github.com/packetmq/packetmq/internal/guard"

// wrapperGuard stands on both sides of a transport that a Wrapper has put around
// another one. A panic or a Goexit in that transport ends its conn and nothing
// else: from then on nothing of it is called but Close, and the transport that it was
// put around is closed with it. Conns that are not wrapped have none.
type wrapperGuard struct {
	c     *Conn
	own   Transport // the Wrapper's
	inner Transport
	sink  Sink  // the Wrapper's
	err   error // what it has failed with
	shut  bool  // inner was closed
}

type (
	outside struct{ *wrapperGuard } // what the conn has: a Transport
	inside  struct{ *wrapperGuard } // what the Wrapper's transport has: its inner Transport, and that one's Sink
)

// wrap puts what w makes around the conn's transport.
func (c *Conn) wrap(w Wrapper) {
	f := &wrapperGuard{c: c, inner: c.tr}
	switch tr := w.Wrap(c, inside{f}); tr {
	case nil, inside{f}:
	default:
		f.own = tr
		c.tr = outside{f}
	}
}

// call calls a method of the Wrapper's transport.
func (f *wrapperGuard) call(method func()) { guard.Call(method, f.failed) }

// failed ends the conn for a panic with v, or for a Goexit if v is nil. A Goexit that
// the handler called passes by here as well; it has ended the conn already.
func (f *wrapperGuard) failed(v any) {
	if v == nil && (f.c.state == closed || f.c.isEnding()) {
		return
	}
	f.err = f.c.loop.r.logFailure(v)
	f.c.Abort(f.err)
}

// Open implements Transport.
func (o outside) Open(s Sink) { o.own.Open(s) } // as guarded as Wrap

// Pump implements Transport.
func (o outside) Pump() (more bool) {
	if o.err != nil {
		return false
	}
	o.call(func() { more = o.own.Pump() })
	return more
}

// Write implements Transport. A buffer that the Wrapper's transport has when it
// fails is nobody's: it may have been handed on.
func (o outside) Write(b *Buffer) (err error) {
	if o.err != nil {
		o.c.loop.buffers.Put(b)
		return o.err
	}
	guard.Call(func() { err = o.own.Write(b) }, func(v any) { o.failed(v); err = o.err })
	return err
}

// Buffered implements Transport.
func (o outside) Buffered() (n int) {
	if o.err != nil {
		return 0
	}
	o.call(func() { n = max(o.own.Buffered(), 0) })
	return n
}

// Memory implements Keeper.
func (o outside) Memory() int {
	n := o.Buffered()
	if k, ok := o.inner.(Keeper); ok {
		n += max(k.Memory()-o.inner.Buffered(), 0)
	}
	return n
}

// Messages implements Keeper: what the Wrapper's transport has made of them is no
// message any more.
func (o outside) Messages(Framer) int { return 0 }

// sendBacklog implements backlogSender.
func (o outside) sendBacklog() {
	if m, ok := o.inner.(backlogSender); ok && o.err == nil {
		m.sendBacklog()
	}
}

// tellsWritable implements backlogSender.
func (o outside) tellsWritable() bool {
	m, ok := o.inner.(backlogSender)
	return ok && m.tellsWritable() && o.inner.Buffered() == o.Buffered()
}

// PauseRead implements Pauser. The Wrapper's transport is not asked: it meets a Sink that
// takes nothing.
func (o outside) PauseRead() {
	if p, ok := o.inner.(Pauser); ok {
		p.PauseRead()
	}
}

// ResumeRead implements Pauser.
func (o outside) ResumeRead() {
	if p, ok := o.inner.(Pauser); ok {
		p.ResumeRead()
	}
}

// CloseWrite implements Transport.
func (o outside) CloseWrite() (err error) {
	if o.err != nil {
		return o.err
	}
	guard.Call(func() { err = o.own.CloseWrite() }, func(v any) { o.failed(v); err = o.err })
	return err
}

// Close implements Transport. The conn's guard is around it. What the Wrapper's
// transport was put around is closed when that returns, whatever it did.
func (o outside) Close() {
	defer inside(o).Close() // in case that it was forgotten, or is not reached
	o.own.Close()
}

// Open implements Transport.
func (i inside) Open(s Sink) {
	i.sink = s
	i.inner.Open(i)
}

// Pump implements Transport.
func (i inside) Pump() (more bool) { return i.inner.Pump() }

// Write implements Transport.
func (i inside) Write(b *Buffer) error { return i.inner.Write(b) }

// Buffered implements Transport.
func (i inside) Buffered() int { return i.inner.Buffered() }

// CloseWrite implements Transport.
func (i inside) CloseWrite() error { return i.inner.CloseWrite() }

// Close implements Transport.
func (i inside) Close() {
	if !i.shut {
		i.shut = true
		i.inner.Close()
	}
}

// Received implements Sink.
func (i inside) Received(b []byte) (n int) {
	if i.err != nil {
		return len(b)
	}
	n = len(b) // after a panic, the rest of the input is not read
	i.call(func() { n = min(max(i.sink.Received(b), 0), len(b)) })
	return n
}

// Ended implements Sink.
func (i inside) Ended(err error) {
	if i.err != nil { // the conn is being ended for it
		return
	}
	i.call(func() { i.sink.Ended(err) })
}

// Wake implements Sink. It is called on any goroutine.
func (i inside) Wake(on *Loop) {
	guard.Call(func() { i.sink.Wake(on) }, func(v any) { i.c.Abort(i.c.loop.r.logFailure(v)) })
}

// Loop implements Sink.
func (i inside) Loop() *Loop { return i.c.loop }
