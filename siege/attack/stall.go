package attack

// Row stall: a client that does not read what it asks for.

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

const (
	// hardLimit is what may wait for one conn at most, in bytes.
	hardLimit = 8 << 20

	// stallGrowth is how much the server may grow for one reader that stalls: what
	// waits for it, as much again in garbage, because the collector leaves as much
	// as there is in use, and what reading the requests takes.
	stallGrowth = 2*hardLimit + 8<<20

	// runsFor is how long a conn that asks for ever more may last: a second and a
	// half until the kernels are full and the hard limit is reached, and two more.
	runsFor = 3500 * time.Millisecond

	// noise is by how much the p99s of rounds differ without any attack. Beside the
	// attack, a p99 may be twice as long and this much longer.
	noise = 2 * time.Millisecond
)

// tryStall measures latency without an attack and beside conns that do not read what
// they ask for.
func tryStall(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return err
	}
	length := t.roundLength()
	probes, err := client.StartProbes(ctx, &s.Endpoint, t.pick(1000, 20), 200*time.Millisecond)
	if err != nil {
		return err
	}
	o := stalls{t: t, s: s, probes: probes, length: length}
	// A conn that asks for as much as may wait, and then for nothing. It stays below
	// the hard limit, and the server closes it after 10 s above the soft one.
	if err := o.measure(ctx, 2); err != nil {
		return err
	}
	if err := o.beside(ctx, hardLimit, 0, t.pick(8, 1), &o.sitting, &o.sat); err != nil {
		return err
	}
	if err := o.measure(ctx, 2); err != nil {
		return err
	}
	alone := func(ctx context.Context) (time.Duration, error) { return probes.Round(ctx, length) }
	b := comparison{server: s, want: t.pick(5, 2)}
	for !b.done() {
		if err := b.measure(ctx, alone, o.run); err != nil {
			return err
		}
		t.show("p99 of %d others %s → %s, %s → %s; closed after %s, %s; +%s (of %s)", probes.Len(), figures.Latency(median(o.alone)),
			figures.Latency(median(o.sitting)), figures.Latency(b.alone()), figures.Latency(b.beside(0)), figures.Latency(o.sat), figures.Latency(o.ran), figures.Bytes(o.grew), figures.Bytes(stallGrowth))
	}
	_, _, err = probes.Stop()
	t.check(err == nil, "another conn: %v", err)
	around := median(o.alone)
	t.check(median(o.sitting) <= 2*around+t.bound(noise), "beside one that asks for 8 MiB and then nothing p99 is %v (rounds: %v), alone %v; want at most twice that and %v",
		median(o.sitting), o.sitting, around, noise)
	t.check(b.beside(0) <= 2*b.alone()+t.bound(noise), "beside one that asks for ever more p99 is %v (rounds: %v), alone %v; want at most twice that and %v",
		b.beside(0), b.besideRounds(0), b.alone(), noise)
	t.check(o.sat > 9*time.Second && o.sat < 12*time.Second || t.quick, "a conn that does not take 8 MiB was closed after %v, want about 10 s", o.sat)
	t.check(o.ran < t.bound(runsFor), "a conn that asks for ever more was closed after %v, want at most %v", o.ran, runsFor)
	t.check(o.grew <= stallGrowth, "the server grew by %s, want at most %s", figures.Bytes(o.grew), figures.Bytes(stallGrowth))
	return nil
}

// stalls is what is measured beside conns that stall, one at a time.
type stalls struct {
	t      *trial
	s      *target.Server
	probes *client.Probes
	length time.Duration

	alone, sitting []time.Duration // p99 of each round, around and beside the first
	sat, ran       time.Duration   // until the server closed, at most
	grew           int64           // of its memory, at most
}

// measure measures a number of rounds without such a conn.
func (o *stalls) measure(ctx context.Context, rounds int) error {
	for range rounds {
		p99, err := o.probes.Round(ctx, o.length)
		if err != nil {
			return err
		}
		o.alone = append(o.alone, p99)
	}
	return nil
}

// run measures a round beside a conn that asks for 16 MiB a second until the hard
// limit ends it. A faster one would be a flood.
func (o *stalls) run(ctx context.Context) (time.Duration, error) {
	var p99 []time.Duration
	err := o.beside(ctx, 1<<30, 4*time.Millisecond, 1, &p99, &o.ran)
	return median(p99), err
}

// beside measures rounds beside a conn that asks for so many bytes, in frames with a
// pause between them. It adds the p99s to p99s, and notes in closed how long the
// server took to close the conn.
func (o *stalls) beside(ctx context.Context, bytes int, pause time.Duration, rounds int, p99s *[]time.Duration, closed *time.Duration) error {
	start, err := o.s.Ask(ctx)
	if err != nil {
		return err
	}
	if err := o.s.ResetPeak(); err != nil {
		return err
	}
	c, err := o.s.Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Reset()
	took := stall(ctx, c, bytes, pause)
	for range rounds {
		p99, err := o.probes.Round(ctx, o.length)
		if err != nil {
			return err
		}
		*p99s = append(*p99s, p99)
	}
	if o.t.quick && pause == 0 {
		return nil // it would take 10 s
	}
	select {
	case d := <-took:
		*closed = max(*closed, d)
	case <-time.After(12 * time.Second):
		o.t.fail("a conn that does not read what it asks for was not closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	peak, err := o.s.PeakRSS()
	o.grew = max(o.grew, peak-start.RSS)
	return err
}

// stall has a conn ask for so many bytes of replies and read none of them. The
// channel gets how long it took until a write failed because the server had closed
// the conn.
func stall(ctx context.Context, c *client.Conn, bytes int, pause time.Duration) (closed chan time.Duration) {
	closed = make(chan time.Duration, 1)
	c.TCP.SetReadBuffer(4 << 10)
	began := time.Now()
	c.SetWriteDeadline(began.Add(30 * time.Second))
	frame := wire.EncodeFrame(wire.IDEcho, make([]byte, 64<<10-wire.HeaderSize))
	go func() {
		for sent := 0; ctx.Err() == nil; sent += len(frame) {
			if sent >= bytes { // tiny ones: each fails once the conn is gone
				frame, pause = wire.EncodeFrame(wire.IDEcho, []byte{0xc0}), 100*time.Millisecond
			}
			if _, err := c.Write(frame); err != nil {
				closed <- time.Since(began)
				return
			}
			client.Sleep(ctx, pause)
		}
	}()
	return closed
}
