package peer

// How a server is emptied without a stampede: it stops accepting, and ends its conns one after
// the other, spread over a time, each with advice on where to go.

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/engine"
)

// ErrDraining is returned by a server that takes no more conns because Drain was called: by
// Listen, Serve and Inject, to memory clients, and by a second Drain.
var ErrDraining = errors.New("peer: server is draining")

// drainTick is how often ends come at most. With a longer one more clients come back at the
// same moment; with a shorter one a server of many conns wakes up more often.
const drainTick = 10 * time.Millisecond

// Drain says how a server is emptied, and what its conns are told. The zero value ends all at
// once with ReasonShutdown and no advice, as Shutdown does.
type Drain struct {
	// Over is the time over which the ends of the conns are spread: the first one ends at
	// once, and the others follow at even distances. The distance is worked out anew at each
	// end, so that conns that have ended by themselves leave no gap. Default: all end at once.
	Over time.Duration

	// Reason is what the conns are ended with. Default: ReasonShutdown.
	Reason Reason

	// Comeback is whether clients are advised to come back. Default: nothing is said, unless
	// To or After say so.
	Comeback Comeback

	// To is the address where clients are advised to go, as Advice.To. Default: none.
	To string

	// After is how long clients are advised to stay away, as Advice.After. Default: nothing
	// is said.
	After time.Duration

	// Advise is called for each conn before it is told the advice, which it may change: to
	// share the clients out among several servers, for one. It runs on the conn's loop. What
	// it makes of the advice must be valid as Advice says; else the advice goes out as it was
	// before, and that is logged. Default: all conns are told the same.
	Advise func(c *Conn, a *Advice)
}

// Drain empties the server and closes it. It closes the listeners, softquits the conns over
// d.Over, each with advice, waits until the other sides have closed, and then closes the
// server as Shutdown does. Conns whose handshake is not complete go on with it, and are ended
// like the others or at the end of the time.
//
// When ctx is done, all that is left is ended at once, and the error says so; give it more
// time than d.Over. If ctx has no deadline, the other sides have the reactor's Drain time
// after d.Over to close. An address that cannot be advised is an *AddressError, and then
// nothing has happened. It may not be called on a loop.
func (s *Server) Drain(ctx context.Context, d Drain) error { return s.drain(ctx, d) }

// Drain is Server.Drain. Memory clients do not go to another address.
func (s *MemoryServer) Drain(ctx context.Context, d Drain) error { return s.drain(ctx, d) }

func (p *Peer) drain(ctx context.Context, d Drain) error {
	if err := p.check(); err != nil {
		return err
	}
	if ctx == nil {
		return errNilContext
	}
	if err := p.reactor.MayWait(); err != nil {
		return err
	}
	spread, lns, err := p.startDrain(d)
	if err != nil {
		return err
	}
	closed := closeAll(lns)
	spread.start()
	select {
	case <-spread.over:
	case <-ctx.Done():
	case <-p.lifetime.Done(): // Close or Shutdown was called meanwhile
	case <-p.reactor.Done():
	}
	spread.stop()
	err = p.ShutdownWith(ctx, d.Reason)
	select {
	case failed := <-closed:
		return errors.Join(err, failed)
	default: // one hangs, which Shutdown has told
		return err
	}
}

// startDrain has the peer take no more conns. It returns how the ends are spread, and the
// listeners, for the caller to close.
func (p *Peer) startDrain(d Drain) (*endSpread, []*engine.Listener, error) {
	advice, err := Advice{Reason: d.Reason, Comeback: d.Comeback, To: d.To, After: d.After}.checked()
	if err != nil {
		return nil, nil, err
	}
	p.mu.Lock()
	if p.closed || p.draining {
		defer p.mu.Unlock()
		if p.closed {
			return nil, nil, ErrClosed
		}
		return nil, nil, ErrDraining
	}
	p.draining = true
	var lns []*engine.Listener
	for ln := range p.listeners {
		lns = append(lns, ln)
	}
	p.mu.Unlock()
	p.setFarewell(farewell{advice: advice, advise: d.Advise})
	return &endSpread{peer: p, time: min(max(d.Over, 0), maxTime), over: make(chan struct{})}, lns, nil
}

// newIncoming is newConn for a conn that no listener has accepted. What a listener has
// accepted before Drain closed it is not turned away.
func (p *Peer) newIncoming() (*Conn, error) {
	p.mu.Lock()
	draining := p.draining && !p.closed
	p.mu.Unlock()
	if draining {
		return nil, ErrDraining
	}
	return p.newConn()
}

// endSpread ends the conns of a peer, spread over a time.
type endSpread struct {
	// Set once.
	peer *Peer
	time time.Duration
	over chan struct{} // closed when there is nothing left to end, or no time

	ending  atomic.Int64 // conns that were softquitted here and are among the active ones still
	stopped atomic.Bool

	// The first loop's alone.
	end  time.Duration // when the time is over, on the loop's clock
	rest []*Conn       // those to end, as they were at some time
}

// start begins with the ends.
func (s *endSpread) start() {
	r := s.peer.reactor
	r.Post(func() {
		s.end = r.Loops()[0].Time() + s.time
		s.step()
	})
}

// stop has no more conns ended.
func (s *endSpread) stop() { s.stopped.Store(true) }

// step ends as many conns as are due, and comes again when the next are.
func (s *endSpread) step() {
	if s.stopped.Load() {
		return
	}
	left := s.peer.NumConns() - int(s.ending.Load())
	remaining := s.end - s.peer.reactor.Loops()[0].Time()
	if left <= 0 || remaining <= 0 {
		close(s.over)
		return
	}
	n, distance := ends(left, remaining)
	ended := 0
	for ended < n && s.endOne() {
		ended++
	}
	if ended == left {
		close(s.over)
		return
	}
	s.peer.reactor.After(distance, s.step)
}

// ends says how many of the conns that are left are to be ended now, and how long it is until
// the next ones are. With one conn at a time the last one ends one distance before the end of
// the time.
func ends(left int, remaining time.Duration) (n int, distance time.Duration) {
	distance = remaining / time.Duration(left)
	if distance >= drainTick {
		return 1, distance
	}
	distance = min(drainTick, remaining)
	share := float64(left) * float64(distance) / float64(remaining)
	return min(max(int(share+0.5), 1), left), distance
}

// endOne ends the conn that was made first of those that are not being ended.
func (s *endSpread) endOne() bool {
	for fresh := false; ; fresh = true {
		for len(s.rest) > 0 {
			c := s.rest[0]
			s.rest = s.rest[1:]
			s.ending.Add(1)
			if c.bidFarewell(func() { s.ending.Add(-1) }) {
				return true
			}
			s.ending.Add(-1)
		}
		if fresh {
			return false
		}
		for c := range s.peer.Conns() { // those that were made since
			s.rest = append(s.rest, c)
		}
	}
}
