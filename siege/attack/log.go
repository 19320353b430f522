package attack

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// linesPerSecond is how much a server may log of one kind, whatever is done to it.
const linesPerSecond = 10

// logLimit is how many lines of so many kinds that makes; the second that has begun
// may be full.
func logLimit(kinds int, took time.Duration) int {
	return kinds * linesPerSecond * (int(took.Seconds()) + 1)
}

// tryLog sends packets of unknown ids until each conn is ended for it, and
// opens conns that say nothing sensible, and counts what the server says.
func tryLog(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return err
	}
	began := time.Now()
	unknown := bytes.Repeat(frameOf(999, []byte{0xc0}), 17) // the 17th ends the conn
	strangers, foreign := t.many(100_000, 1700)/17+1, t.many(10_000, 100)
	var ended, refused atomic.Int64
	each(strangers, func() {
		if refusal(ctx, s, handshake(true), unknown) == "reason.protocol" {
			ended.Add(1)
		}
	})
	each(foreign, func() {
		if refusal(ctx, s, []byte("GET / HTTP/1.1\r\n\r\n")) == "reason.frame" {
			refused.Add(1)
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	took := time.Since(began)
	if err := sleep(ctx, 1100*time.Millisecond); err != nil { // of the throttle
		return err
	}
	refusal(ctx, s, handshake(true), unknown) // the next line of each kind tells how many there were not
	refusal(ctx, s, []byte("GET / HTTP/1.1\r\n\r\n"))
	if _, err := s.quiet(ctx); err != nil { // and the pipe is read
		return err
	}
	lines, skipped := s.counts()
	all := int(ended.Load()+refused.Load()) + 2
	t.want(int(ended.Load()) == strangers, "%d of %d conns with packets of unknown ids were ended with reason.protocol", ended.Load(), strangers)
	t.want(int(refused.Load()) == foreign, "%d of %d conns that speak HTTP were refused with reason.frame", refused.Load(), foreign)
	t.want(lines-2 <= logLimit(2, took), "%d lines in %v, want at most %d; the last:\n%s", lines, took, logLimit(2, took), s.log())
	t.want(lines > 0 && lines+skipped == all, "%d lines and %d it says it has left out, want %d together", lines, skipped, all)
	t.figure("%s frames of unknown ids, %s refused conns: %s lines in %s, %s counted as left out",
		count(17*strangers), count(foreign), count(lines), span(took), count(skipped))
	return nil
}

// tryFull dials a server that has as many conns as it takes, and counts what
// the server says.
func tryFull(ctx context.Context, t *trial) error {
	const files, room = 300, 150 // half of the descriptors are conns, when they are few
	s, err := t.start(ctx, environment{files: files})
	if err != nil {
		return err
	}
	polite, err := gather(ctx, s, room, 100*time.Millisecond)
	if err != nil {
		return err
	}
	dials := t.many(10_000, 200)
	var refused atomic.Int64
	began := time.Now()
	each(dials, func() {
		c, err := s.dial(ctx)
		if err != nil {
			return
		}
		defer c.reset()
		if c.shake(true) != nil {
			refused.Add(1)
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	took := time.Since(began)
	_, slowest, err := polite.home()
	t.want(err == nil, "a conn that was there: %v", err)
	t.want(slowest < t.within(answerWithin), "a conn that was there waited %v, want at most %v", slowest, answerWithin)
	t.want(int(refused.Load()) == dials, "%d of %d conns were refused", refused.Load(), dials)
	if _, err := s.quiet(ctx); err != nil {
		return err
	}
	lines, _ := s.counts()
	t.want(lines <= logLimit(1, took), "%d lines in %v, want at most %d; the last:\n%s", lines, took, logLimit(1, took), s.log())
	t.want(lines > 0, "nothing was logged of %d refused conns", dials)
	t.figure("%s dials beyond %d conns: %s lines in %s", count(dials), room, count(lines), span(took))
	return nil
}

// refusal says something on a conn of its own, and returns what it is refused
// with.
func refusal(ctx context.Context, s *server, says ...[]byte) reason {
	c, err := s.dial(ctx)
	if err != nil {
		return ""
	}
	defer c.reset()
	for _, b := range says {
		if _, err := c.Write(b); err != nil {
			return ""
		}
	}
	why, _ := c.why(patience)
	return why
}

// each calls fn n times, a few at the same time.
func each(n int, fn func()) {
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range attackers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				fn()
			}
		})
	}
	all.Wait()
}
