package attack

// An attack on a server's memory, and what it is allowed to cost.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
)

const (
	// inputBound and outputBound are how many bytes of all conns together may wait,
	// each way, according to the server's documents.
	inputBound  = 512 << 20
	outputBound = 512<<20 + 64<<20 // an eighth more, before a conn is ended for it

	// besideP99 is the largest p99 of probes beside attacks on memory, and
	// crowdedP99 the largest beside hundreds of conns that send as fast as they can.
	besideP99  = 10 * time.Millisecond
	crowdedP99 = 20 * time.Millisecond
)

// mostRSS returns how much a process may grow where so many bytes may wait: half as
// much again, for what the collector has not seen yet.
func mostRSS(bound int64) int64 { return bound / 2 * 3 }

// keptRSS returns how much of that may be left after the conns' end.
func keptRSS(bound int64) int64 { return bound / 10 }

// memoryAttack is many conns that make the server keep memory. It measures how much
// the server takes while they last, and how much it keeps after their end.
type memoryAttack struct {
	t      *trial
	s      *target.Server
	probes *client.Probes

	options   target.Options
	bound     int64 // of what may wait, in bytes
	conns     int
	handshake []byte        // nil: says begins with it
	first     client.Script // what is said before anything is measured but memory; nil: nothing
	says      client.Script
	answers   bool          // the conns read what comes, and say a handshake of the server's own
	clogs     bool          // the conns take as little of the answers as they can
	reads     bool          // in the end they read them after all
	lasts     time.Duration // it ends then at the latest

	grew, kept int64         // the most of all rounds, in bytes
	used       time.Duration // processor time of the last round
	sent       int64         // bytes of the last round
	closed     int           // conns that the server closed in the last round
}

// tryMemoryAttack measures latency without and beside an attack, and the server's
// memory. line returns what else the row shows.
func tryMemoryAttack(ctx context.Context, t *trial, u *memoryAttack, p99 time.Duration, line func() string) error {
	s, err := t.start(ctx, u.options)
	if err != nil {
		return err
	}
	u.t, u.s = t, s
	if u.probes, err = client.StartProbes(ctx, &s.Endpoint, t.pick(100, 20), 20*time.Millisecond); err != nil {
		return err
	}
	alone := func(ctx context.Context) (time.Duration, error) { return u.probes.Round(ctx, time.Second) }
	b := comparison{server: s, want: 1}
	for !b.done() {
		if err := b.measure(ctx, alone, u.attack); err != nil {
			return err
		}
		t.show("p99 of %d others %s alone, %s beside; +%s (of %s), +%s after; %s (CPU used by others %.0f %%)", u.probes.Len(),
			figures.Latency(b.alone()), figures.Latency(b.beside(0)), figures.Bytes(u.grew), figures.Bytes(mostRSS(u.bound)), figures.Bytes(u.kept), line(), 100*b.othersCPU())
	}
	_, worst, err := u.probes.Stop()
	t.check(err == nil, "a polite conn: %v", err)
	limit := b.scale(t.bound(p99))
	t.check(b.beside(0) < limit, "p99 beside it is %v (the most: %v), alone %v; want less than %v; others used %.0f %% of the CPU",
		b.beside(0), worst, b.alone(), limit, 100*b.othersCPU())
	t.check(u.grew <= mostRSS(u.bound), "the server grew by %s, want at most %s", figures.Bytes(u.grew), figures.Bytes(mostRSS(u.bound)))
	t.check(u.kept <= keptRSS(u.bound), "%v after the conns' end the server has %s more than before, want at most %s", target.SettleTime, figures.Bytes(u.kept), figures.Bytes(keptRSS(u.bound)))
	return nil
}

// attack measures one round.
func (u *memoryAttack) attack(ctx context.Context) (p99 time.Duration, err error) {
	start, err := u.s.Ask(ctx)
	if err != nil {
		return 0, err
	}
	if err := u.s.ResetPeak(); err != nil {
		return 0, err
	}
	u.probes.TakeTimes()
	began := time.Now()
	dial := u.s.Dial
	if u.clogs {
		dial = u.s.DialNarrow
	}
	if u.answers {
		u.handshake = u.s.Handshake()
	}
	conns, err := client.ConnectAll(ctx, dial, u.conns, u.handshake)
	if err != nil {
		return 0, err
	}
	defer client.ResetAll(conns)
	if u.first != nil {
		if err := u.begin(ctx, conns); err != nil {
			return 0, err
		}
		u.probes.TakeTimes()
		began = time.Now()
	}
	before, err := target.CPUOf(u.s.PID())
	if err != nil {
		return 0, err
	}
	p, err := client.NewSender(conns, u.says)
	if err != nil {
		return 0, err
	}
	p.Reads = u.answers
	until, cancel := context.WithTimeout(ctx, u.lasts)
	p.Run(until)
	cancel()
	if err := client.Sleep(ctx, time.Second); err != nil { // what came last is handled
		return 0, err
	}
	if u.reads {
		until, cancel := context.WithTimeout(ctx, u.lasts)
		p.Drain(until)
		cancel()
	}
	p99 = u.probes.P99Since(began)
	peak, err := u.s.PeakRSS()
	if err != nil {
		return 0, err
	}
	after, err := target.CPUOf(u.s.PID())
	if err != nil {
		return 0, err
	}
	u.sent, u.closed, u.used = p.Written, p.Closed(), time.Duration(after-before)*10*time.Millisecond
	client.ResetAll(conns)
	if u.answers { // what it had read of them takes its time
		if err := u.waitGone(ctx); err != nil {
			return 0, err
		}
	}
	rss, err := u.s.WaitRSS(ctx, start.RSS+keptRSS(u.bound))
	u.grew, u.kept = max(u.grew, peak-start.RSS), max(u.kept, rss-start.RSS)
	return p99, err
}

// waitGone waits until the server has handled what it had read of the conns, which takes long
// where other processes have the CPUs.
func (u *memoryAttack) waitGone(ctx context.Context) (err error) {
	const tries = 6 // of some ten seconds each
	for range tries {
		if err = u.s.WaitConns(ctx, u.probes.Len()); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// begin sends what comes first, and waits until the server has handled it.
func (u *memoryAttack) begin(ctx context.Context, conns []*client.Conn) error {
	p, err := client.NewSender(conns, u.first)
	if err != nil {
		return err
	}
	until, cancel := context.WithTimeout(ctx, u.lasts)
	defer cancel()
	p.Run(until)
	return u.s.WaitHandled(ctx, conns)
}
