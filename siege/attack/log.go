package attack

// Rows log and full: how much a server logs of conns that it ends or refuses.

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// linesPerSecond is how many lines of one kind a server may log, whatever is done
// to it.
const linesPerSecond = 10

// logLimit returns how many lines of so many kinds that makes in a time. A second
// that has begun counts in full.
func logLimit(kinds int, took time.Duration) int {
	return kinds * linesPerSecond * (int(took.Seconds()) + 1)
}

// tryLog sends packets of unknown ids until the server ends each conn, and opens
// conns that speak HTTP, and counts the server's log lines.
func tryLog(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return err
	}
	began := time.Now()
	unknown := bytes.Repeat(wire.EncodeFrame(999, []byte{0xc0}), 17) // the 17th ends the conn
	strangers, foreign := t.pickConns(100_000, 1700)/17+1, t.pickConns(10_000, 100)
	var ended, refused atomic.Int64
	client.Parallel(strangers, func() {
		if refusal(ctx, s, wire.Handshake(true), unknown) == "reason.protocol" {
			ended.Add(1)
		}
	})
	client.Parallel(foreign, func() {
		if refusal(ctx, s, []byte("GET / HTTP/1.1\r\n\r\n")) == "reason.frame" {
			refused.Add(1)
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	took := time.Since(began)
	if err := client.Sleep(ctx, 1100*time.Millisecond); err != nil { // of the throttle
		return err
	}
	refusal(ctx, s, wire.Handshake(true), unknown) // the next line of each kind tells how many there were not
	refusal(ctx, s, []byte("GET / HTTP/1.1\r\n\r\n"))
	if _, err := s.WaitIdle(ctx); err != nil { // and the pipe is read
		return err
	}
	lines, skipped := s.LogCounts()
	all := int(ended.Load()+refused.Load()) + 2
	t.check(int(ended.Load()) == strangers, "%d of %d conns with packets of unknown ids were ended with reason.protocol", ended.Load(), strangers)
	t.check(int(refused.Load()) == foreign, "%d of %d conns that speak HTTP were refused with reason.frame", refused.Load(), foreign)
	t.check(lines-2 <= logLimit(2, took), "%d lines in %v, want at most %d; the last:\n%s", lines, took, logLimit(2, took), s.Log())
	t.check(lines > 0 && lines+skipped == all, "%d lines and %d it says it has left out, want %d together", lines, skipped, all)
	t.show("%s frames of unknown ids, %s refused conns: %s lines in %s, %s counted as left out",
		figures.Count(17*strangers), figures.Count(foreign), figures.Count(lines), figures.Latency(took), figures.Count(skipped))
	return nil
}

// tryFull dials a server that has as many conns as it takes, and counts the server's
// log lines.
func tryFull(ctx context.Context, t *trial) error {
	const files, room = 300, 150 // half of the descriptors are conns, when they are few
	s, err := t.start(ctx, target.Options{Files: files})
	if err != nil {
		return err
	}
	probes, err := client.StartProbes(ctx, &s.Endpoint, room, 100*time.Millisecond)
	if err != nil {
		return err
	}
	dials := t.pickConns(10_000, 200)
	var refused atomic.Int64
	began := time.Now()
	client.Parallel(dials, func() {
		c, err := s.Dial(ctx)
		if err != nil {
			return
		}
		defer c.Reset()
		if c.Handshake(true) != nil {
			refused.Add(1)
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	took := time.Since(began)
	_, slowest, err := probes.Stop()
	t.check(err == nil, "a conn that was there: %v", err)
	t.check(slowest < t.bound(answerWithin), "a conn that was there waited %v, want at most %v", slowest, answerWithin)
	t.check(int(refused.Load()) == dials, "%d of %d conns were refused", refused.Load(), dials)
	if _, err := s.WaitIdle(ctx); err != nil {
		return err
	}
	lines, _ := s.LogCounts()
	t.check(lines <= logLimit(1, took), "%d lines in %v, want at most %d; the last:\n%s", lines, took, logLimit(1, took), s.Log())
	t.check(lines > 0, "nothing was logged of %d refused conns", dials)
	t.show("%s dials beyond %d conns: %s lines in %s", figures.Count(dials), room, figures.Count(lines), figures.Latency(took))
	return nil
}

// refusal says something on a new conn, and returns the reason that it is refused
// with.
func refusal(ctx context.Context, s *target.Server, says ...[]byte) wire.Reason {
	c, err := s.Dial(ctx)
	if err != nil {
		return ""
	}
	defer c.Reset()
	for _, b := range says {
		if _, err := c.Write(b); err != nil {
			return ""
		}
	}
	why, _ := c.ReadReason(client.Patience)
	return why
}
