package siege

import (
	"context"
	"time"

	"github.com/packetmq/packetmq/codec"
)

const (
	// hardLimit is what may wait for one conn at most, in bytes.
	hardLimit = 8 << 20

	// stallGrowth is how much the server may grow by one reader that stalls:
	// what waits for it; as much again, because the collector lets as much
	// garbage lie as there is in use; and what it takes to read the requests.
	stallGrowth = 2*hardLimit + 8<<20

	// A p99 may be twice what it was, and this much more: on a machine with
	// other work, single rounds differ by that without any attack.
	noise = 2 * time.Millisecond
)

// tryStall measures a crowd's latency alone and beside conns that do not read
// what they ask for.
func tryStall(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return err
	}
	length := time.Second
	if t.quick {
		length /= 5
	}
	polite, err := gather(ctx, s, t.of(200, 20), 40*time.Millisecond)
	if err != nil {
		return err
	}
	o := stalls{t: t, s: s, polite: polite, length: length}
	steps := []func(context.Context) error{o.measure, o.measure, o.sit, o.measure, o.measure}
	for range t.of(5, 2) {
		steps = append(steps, o.run, o.measure)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
		t.figure("p99 of %d others %s → %s, %s; closed after %s, %s; +%s (of %s)", len(polite.conns), span(median(o.alone)),
			span(median(o.sitting)), span(median(o.running)), span(o.sat), span(o.ran), size(o.grew), size(stallGrowth))
	}
	_, _, err = polite.home()
	t.want(err == nil, "another conn: %v", err)
	limit := 2*median(o.alone) + noise
	t.want(median(o.sitting) <= limit, "beside one that asks for 8 MiB and then nothing p99 is %v (%v), alone %v; want at most %v",
		median(o.sitting), o.sitting, median(o.alone), limit)
	t.want(median(o.running) <= limit, "beside one that asks for ever more p99 is %v (%v), alone %v; want at most %v",
		median(o.running), o.running, median(o.alone), limit)
	t.want(o.sat > 9*time.Second && o.sat < 12*time.Second || t.quick, "a conn that does not take 8 MiB was closed after %v, want about 10 s", o.sat)
	t.want(o.grew <= stallGrowth, "the server grew by %s, want at most %s", size(o.grew), size(stallGrowth))
	return nil
}

// stalls is what is measured beside conns that stall, one at a time.
type stalls struct {
	t      *trial
	s      *server
	polite *crowd
	length time.Duration

	alone, sitting, running []time.Duration // p99 of each round
	sat, ran                time.Duration   // until the server closed, at most
	grew                    int64           // of its memory, at most
}

// measure measures without any.
func (o *stalls) measure(ctx context.Context) error {
	p99, err := o.polite.round(ctx, o.length)
	o.alone = append(o.alone, p99)
	return err
}

// sit measures beside one that asks for as much as may wait, and then for
// nothing: it stays below the hard limit, and is closed after 10 s above the
// soft one.
func (o *stalls) sit(ctx context.Context) error {
	return o.beside(ctx, hardLimit, 0, o.t.of(8, 1), &o.sitting, &o.sat)
}

// run measures beside one that asks without end, 16 MiB a second: the hard
// limit ends it. A faster one would be a flood.
func (o *stalls) run(ctx context.Context) error {
	return o.beside(ctx, 1<<30, 4*time.Millisecond, 1, &o.running, &o.ran)
}

func (o *stalls) beside(ctx context.Context, bytes int, pause time.Duration, rounds int, p99s *[]time.Duration, closed *time.Duration) error {
	start, err := o.s.ask(ctx)
	if err != nil {
		return err
	}
	if err := o.s.forget(); err != nil {
		return err
	}
	c, err := o.s.connect(ctx)
	if err != nil {
		return err
	}
	defer c.reset()
	took := stall(ctx, c, bytes, pause)
	for range rounds {
		p99, err := o.polite.round(ctx, o.length)
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
		o.t.broke("a conn that does not read what it asks for was not closed")
	case <-ctx.Done():
		return ctx.Err()
	}
	peak, err := o.s.peak()
	o.grew = max(o.grew, peak-start.rss)
	return err
}

// stall has a conn ask for so many bytes of replies and read none of them. It
// tells how long it took the server to close it, seen by a write that fails.
func stall(ctx context.Context, c *conn, bytes int, pause time.Duration) (closed chan time.Duration) {
	closed = make(chan time.Duration, 1)
	c.SetReadBuffer(4 << 10)
	began := time.Now()
	c.SetWriteDeadline(began.Add(30 * time.Second))
	frame := frameOf(idEcho, make([]byte, 64<<10-codec.HeaderSize))
	go func() {
		for sent := 0; ctx.Err() == nil; sent += len(frame) {
			if sent >= bytes { // tiny ones: each fails once the conn is gone
				frame, pause = frameOf(idEcho, []byte{0xc0}), 100*time.Millisecond
			}
			if _, err := c.Write(frame); err != nil {
				closed <- time.Since(began)
				return
			}
			sleep(ctx, pause)
		}
	}()
	return closed
}
