package attack

// Row reuse: descriptors that are used again while replies are on their way.

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// tryReuse opens and closes conns as fast as it can. Each asks for more replies
// than it waits for, so that the next one gets its descriptor while some are on
// their way.
func tryReuse(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return err
	}
	const asked, bytes = 40, 4000
	conns := t.pickConns(6000, 300)
	var tags, checked, foreign atomic.Int64
	began := time.Now()
	client.Parallel(conns, func() {
		if ctx.Err() != nil {
			return
		}
		tag := uint64(tags.Add(1))
		n, err := askAndGo(ctx, s, tag, asked, bytes)
		checked.Add(int64(n) * bytes)
		var other *wire.WrongReplyError
		if errors.As(err, &other) {
			foreign.Add(1)
		}
		if err != nil && ctx.Err() == nil {
			t.fail("conn %d: %v", tag, err)
		}
		if tag%64 == 0 {
			t.show("%s conns, %s of replies", figures.Count(int64(tag)), figures.Bytes(checked.Load()))
		}
	})
	t.show("%s conns in %s, %s of replies read, %d foreign", figures.Count(conns), figures.Latency(time.Since(began)), figures.Bytes(checked.Load()), foreign.Load())
	return ctx.Err()
}

// askAndGo asks for replies, reads some of them, and goes in one of three ways.
func askAndGo(ctx context.Context, s *target.Server, tag uint64, asked, bytes int) (read int, err error) {
	c, err := s.Connect(ctx)
	if err != nil {
		return 0, err
	}
	c.SetDeadline(time.Now().Add(client.Patience))
	var all []byte
	for seq := range asked {
		all = append(all, wire.EncodeFrame(wire.IDEcho, wire.NewPacket(tag, uint64(seq), bytes).Append(nil))...)
	}
	if _, err := c.Write(all); err != nil {
		return 0, err
	}
	upTo := rand.IntN(asked + 1)
	for read < upTo {
		f, err := c.ReadFrame()
		if err == nil {
			err = wire.NewPacket(tag, uint64(read), bytes).Check(f, true)
		}
		if err != nil {
			c.Close()
			return read, err
		}
		read++
	}
	switch rand.IntN(3) {
	case 0:
		c.Reset()
	case 1:
		c.TCP.CloseWrite()
		c.Close()
	default:
		c.Close()
	}
	return read, nil
}
