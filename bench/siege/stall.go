package siege

import (
	"context"
	"time"
)

const (
	// hardLimit is what may wait for one conn at most, in bytes.
	hardLimit = 8 << 20

	// stallGrowth is how much the server may grow by one reader that stalls:
	// what waits for it, in a ring that doubles as it grows, while the two
	// halves are copied; and the garbage that the collector lets lie.
	stallGrowth = 4*hardLimit + 8<<20

	// A p99 may be twice what it was, and this much more: on a machine with
	// other work, single rounds differ by that without any attack.
	noise = 2 * time.Millisecond
)

// tryStall measures a crowd's latency alone, then beside one conn that asks for
// 8 MiB of replies and reads none, and others that ask without end.
func tryStall(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return err
	}
	n := t.of(200, 20)
	polite, err := gather(ctx, s, n, 40*time.Millisecond)
	if err != nil {
		return err
	}
	length := time.Second
	if t.quick {
		length /= 5
	}
	before, err := polite.rounds(ctx, t.of(7, 3), length)
	if err != nil {
		return err
	}
	t.figure("p99 of %d others %s before", n, span(before))
	start, err := s.rss()
	if err != nil {
		return err
	}
	if err := s.forget(); err != nil {
		return err
	}
	sitter := t.stall(ctx, s, hardLimit)
	var during []time.Duration
	var cut time.Duration // the slowest end of one that asks without end
	for range t.of(8, 2) {
		runaway := t.stall(ctx, s, 1<<40)
		p99, err := polite.round(ctx, length)
		if err != nil {
			return err
		}
		during = append(during, p99)
		select {
		case took := <-runaway:
			cut = max(cut, took)
		case <-time.After(patience):
			t.broke("a conn that never reads and asks without end was not closed in %v", length+patience)
		}
	}
	after := quantile(during, 0.5)
	peak, err := s.peak()
	if err != nil {
		return err
	}
	grew := peak - start
	t.want(after <= 2*before+noise, "p99 of the others is %v, was %v; want at most twice that and %v", after, before, noise)
	t.want(grew <= stallGrowth, "the server grew by %s, want at most %s", size(grew), size(stallGrowth))
	t.figure("p99 of %d others %s → %s; ended in %s; +%s (of %s)", n, span(before), span(after), span(cut), size(grew), size(stallGrowth))
	if !t.quick {
		select {
		case took := <-sitter:
			t.want(took > 9*time.Second && took < 12*time.Second, "a conn that does not take 8 MiB was closed after %v, want about 10 s", took)
			t.figure("p99 of %d others %s → %s; ended in %s, a lesser one in %s; +%s (of %s)",
				n, span(before), span(after), span(cut), span(took), size(grew), size(stallGrowth))
		case <-time.After(12 * time.Second):
			t.broke("a conn that does not take 8 MiB was not closed")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	_, _, err = polite.home()
	t.want(err == nil, "another conn: %v", err)
	return nil
}

// stall has a conn ask for so many bytes of replies and read none of them. It
// tells how long it took the server to close it, seen by a write that fails.
func (t *trial) stall(ctx context.Context, s *server, bytes int) (closed chan time.Duration) {
	closed = make(chan time.Duration, 1)
	c, err := s.connect(ctx)
	if err != nil {
		t.broke("a conn that is to stall: %v", err)
		return closed
	}
	c.SetReadBuffer(4 << 10)
	go func() {
		defer c.reset()
		began := time.Now()
		c.SetWriteDeadline(began.Add(20 * time.Second))
		payload := make([]byte, 64<<10-6-1)
		for sent := 0; sent+64<<10 <= bytes; sent += 64 << 10 {
			if c.send(idEcho, payload) != nil {
				closed <- time.Since(began)
				return
			}
		}
		for ctx.Err() == nil { // small ones: each fails once the conn is gone
			if c.send(idEcho, payload[:1]) != nil {
				closed <- time.Since(began)
				return
			}
			sleep(ctx, 100*time.Millisecond)
		}
	}()
	return closed
}
