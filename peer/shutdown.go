package peer

// How a peer ends: at once, by Close, or in order, by Shutdown.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/packetmq/packetmq/engine"
)

// Close ends the peer and its conns at once; what waits is lost. A peer with a
// reactor of its own closes that, and returns when every callback has; else it
// returns at once.
func (p *Peer) Close() error {
	if err := p.check(); err != nil {
		return err
	}
	conns, lns := p.stopIntake()
	if p.owned { // and the listeners with it
		return p.reactor.Close()
	}
	closed := closeAll(lns)
	abortAll(conns)
	return <-closed
}

// closeAll closes listeners, each on a goroutine of its own since a listener of the
// program's may hang. The channel gets one value, their joined errors.
func closeAll(lns []*engine.Listener) <-chan error {
	closed := make(chan error, 1)
	if len(lns) == 0 {
		closed <- nil
		return closed
	}
	errs := make([]error, len(lns))
	var closing sync.WaitGroup
	for i, ln := range lns {
		closing.Go(func() { errs[i] = ln.Close() })
	}
	go func() {
		closing.Wait()
		closed <- errors.Join(errs...)
	}()
	return closed
}

func abortAll(conns []*Conn) {
	for _, c := range conns {
		c.Abort(ErrClosed)
	}
}

// Shutdown ends the peer in order: it stops listening, softquits its conns with
// ReasonShutdown, waits until everything due has been sent and the other sides
// have closed, and then closes the peer. What is left when ctx is done, or
// after the reactor's Drain time if ctx has no deadline, is ended at once; the
// error says so. On a loop, with a reactor of its own, it returns at once; with a
// shared one it returns ErrOnLoop, and nothing has happened.
func (p *Peer) Shutdown(ctx context.Context) error {
	return p.ShutdownWith(ctx, ReasonShutdown)
}

// ShutdownWith is Shutdown with a reason of the program's: "reason.update", or
// when to come back. An empty one means ReasonShutdown. Of several calls the first
// one's counts.
func (p *Peer) ShutdownWith(ctx context.Context, reason Reason) error {
	if err := p.check(); err != nil {
		return err
	}
	if ctx == nil {
		return errNilContext
	}
	if !p.owned && p.reactor.OnLoop() {
		return engine.ErrOnLoop
	}
	p.setFarewell(farewell{advice: Advice{Reason: reason}})
	conns, lns := p.stopIntake()
	if p.owned { // and the listeners with it
		return p.reactor.Shutdown(ctx)
	}
	closed := closeAll(lns)
	ctx, cancel := withTimeout(ctx, p.reactor.DrainTime())
	defer cancel()
	for _, c := range conns {
		c.bidFarewell(nil)
	}
	select {
	case <-p.whenNoConns():
	case <-p.reactor.Done():
		return nil
	case <-ctx.Done():
		conns, _ := p.stopIntake()
		abortAll(conns)
		return ctx.Err()
	}
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("peer: a listener does not close: %w", ctx.Err())
	}
}

// farewell is what conns are told that end because the peer does.
type farewell struct {
	advice Advice
	advise func(c *Conn, a *Advice) // may change it for each conn; nil: it is the same for all
	given  bool
}

// setFarewell has f told to the conns that end from now on, unless something else was set
// before.
func (p *Peer) setFarewell(f farewell) {
	f.advice.Reason = cmp.Or(f.advice.Reason, ReasonShutdown)
	f.given = true
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.farewell.given {
		p.farewell = f
	}
}

// farewell is what c is told at the end of its peer or of the reactor, on its loop.
func (c *Conn) farewell() Advice {
	p := c.peer
	p.mu.Lock()
	f := p.farewell
	p.mu.Unlock()
	if !f.given {
		return Advice{Reason: ReasonShutdown}
	}
	if f.advise == nil {
		return f.advice
	}
	own := f.advice
	c.callProgram(func() { f.advise(c, &own) })
	if own, err := own.checked(); err == nil {
		own.Reason = cmp.Or(own.Reason, ReasonShutdown)
		return own
	} else {
		p.logLine(slog.LevelError, "advice not sent", "conn", c.id, "err", err)
	}
	return f.advice
}

// bidFarewell is Softquit with the conn's farewell. It calls after, unless that is nil, once
// the softquit is on its way, or cannot be. It reports whether the conn was not being ended
// already.
func (c *Conn) bidFarewell(after func()) bool {
	if _, ok := c.advance(softquitCalled); !ok {
		return false
	}
	if after == nil {
		after = func() {}
	}
	c.link.Loop().PostElse(func() {
		defer after()
		c.quitWith(c.farewell(), nil)
	}, after)
	return true
}

// stopIntake lets no more conns begin and ends dials, handshakes and reconnections. It
// returns the conns that there are, in the order of their ids, and the listeners, for the
// caller to close.
func (p *Peer) stopIntake() (conns []*Conn, lns []*engine.Listener) {
	p.endLifetime(ErrClosed)
	p.unwatch()
	p.unopenedDials.close()
	p.mu.Lock()
	p.closed = true
	for t := range p.reconnectTimers {
		t.Stop()
	}
	clear(p.reconnectTimers)
	conns = p.conns.all()
	for ln := range p.listeners {
		lns = append(lns, ln)
	}
	p.mu.Unlock()
	slices.SortFunc(conns, func(a, b *Conn) int { return cmp.Compare(a.id, b.id) })
	return conns, lns
}

func (p *Peer) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// whenNoConns returns a channel that is closed when the peer has no conns. It is called
// after stopIntake.
func (p *Peer) whenNoConns() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.noConns == nil {
		p.noConns = make(chan struct{})
		if p.conns.n == 0 {
			close(p.noConns)
		}
	}
	return p.noConns
}
