package attack

import (
	"context"
	"time"
)

const (
	// inputBound and outputBound are what may wait of all conns together, each
	// way, by the server's documents.
	inputBound  = 512 << 20
	outputBound = 512<<20 + 64<<20 // an eighth more, before a conn is ended for it

	// besideP99 is the p99 that polite conns may have beside attacks on memory,
	// and crowdedP99 the one beside hundreds that send as fast as they can.
	besideP99  = 10 * time.Millisecond
	crowdedP99 = 20 * time.Millisecond
)

// mostRSS is how much more memory a process may take where so much may wait: half
// as much again, for what the collector has not seen yet.
func mostRSS(bound int64) int64 { return bound / 2 * 3 }

// keptRSS is how much more it may have after the conns' end.
func keptRSS(bound int64) int64 { return bound / 10 }

// burden is an attack on a server's memory by many conns: what the server takes
// while they last, and what it keeps after their end.
type burden struct {
	t      *trial
	s      *server
	polite *crowd

	bound     int64 // of what may wait, in bytes
	conns     int
	handshake []byte // nil: says begins with it
	first     script // what is said before anything is measured but memory; nil: nothing
	says      script
	clogs     bool          // the conns take as little of the answers as they can
	reads     bool          // in the end they read them after all
	lasts     time.Duration // it ends then at the latest

	grew, kept int64         // the most of all rounds, in bytes
	used       time.Duration // processor time of the last round
	sent       int64         // bytes of the last round
	closed     int           // conns that the server closed in the last round
}

// tryBurden measures a crowd's latency alone and beside a burden, and the
// server's memory. line adds what else the row shows.
func tryBurden(ctx context.Context, t *trial, u *burden, p99 time.Duration, line func() string) error {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return err
	}
	u.t, u.s = t, s
	if u.polite, err = gather(ctx, s, t.of(100, 20), 20*time.Millisecond); err != nil {
		return err
	}
	alone := func(ctx context.Context) (time.Duration, error) { return u.polite.round(ctx, time.Second) }
	b := bouts{server: s, want: 1}
	for !b.done() {
		if err := b.fight(ctx, alone, u.attack); err != nil {
			return err
		}
		t.figure("p99 of %d others %s alone, %s beside; +%s (of %s), +%s after; %s (CPU used by others %.0f %%)", len(u.polite.conns),
			span(b.alone()), span(b.beside(0)), size(u.grew), size(mostRSS(u.bound)), size(u.kept), line(), 100*b.busy())
	}
	_, worst, err := u.polite.home()
	t.want(err == nil, "a polite conn: %v", err)
	limit := b.stretch(t.within(p99))
	t.want(b.beside(0) < limit, "p99 beside it is %v (the most: %v), alone %v; want less than %v; others used %.0f %% of the CPU",
		b.beside(0), worst, b.alone(), limit, 100*b.busy())
	t.want(u.grew <= mostRSS(u.bound), "the server grew by %s, want at most %s", size(u.grew), size(mostRSS(u.bound)))
	t.want(u.kept <= keptRSS(u.bound), "%v after the conns' end the server has %s more than before, want at most %s", settleTime, size(u.kept), size(keptRSS(u.bound)))
	return nil
}

// attack is one round.
func (u *burden) attack(ctx context.Context) (p99 time.Duration, err error) {
	start, err := u.s.ask(ctx)
	if err != nil {
		return 0, err
	}
	if err := u.s.forget(); err != nil {
		return 0, err
	}
	u.polite.cut()
	began := time.Now()
	dial := u.s.dial
	if u.clogs {
		dial = u.s.dialNarrow
	}
	conns, err := connectAll(ctx, dial, u.conns, u.handshake)
	if err != nil {
		return 0, err
	}
	defer resetAll(conns)
	if u.first != nil {
		if err := u.begin(ctx, conns); err != nil {
			return 0, err
		}
		u.polite.cut()
		began = time.Now()
	}
	before, err := cpuOf(u.s.pid())
	if err != nil {
		return 0, err
	}
	p, err := newPump(conns, u.says)
	if err != nil {
		return 0, err
	}
	until, cancel := context.WithTimeout(ctx, u.lasts)
	p.run(until)
	cancel()
	if err := sleep(ctx, time.Second); err != nil { // what came last is handled
		return 0, err
	}
	if u.reads {
		until, cancel := context.WithTimeout(ctx, u.lasts)
		p.drain(until)
		cancel()
	}
	p99 = u.polite.since(began)
	peak, err := u.s.peak()
	if err != nil {
		return 0, err
	}
	after, err := cpuOf(u.s.pid())
	if err != nil {
		return 0, err
	}
	u.sent, u.closed, u.used = p.written, p.gone(), time.Duration(after-before)*10*time.Millisecond
	resetAll(conns)
	rss, err := u.s.settle(ctx, start.rss+keptRSS(u.bound))
	u.grew, u.kept = max(u.grew, peak-start.rss), max(u.kept, rss-start.rss)
	return p99, err
}

// begin says what comes first, and waits until the server is done with it.
func (u *burden) begin(ctx context.Context, conns []*conn) error {
	p, err := newPump(conns, u.first)
	if err != nil {
		return err
	}
	until, cancel := context.WithTimeout(ctx, u.lasts)
	defer cancel()
	p.run(until)
	return u.s.digested(ctx, conns)
}
