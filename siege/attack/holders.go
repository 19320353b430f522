package attack

// Row holders: silent conns that take every place for a handshake.

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// honestIn is how many of a hundred honest clients are to get in beside silent conns
// that take every place.
const honestIn = 95

// redialAfter is how long a silent conn takes to come back: a round trip.
const redialAfter = 100 * time.Millisecond

// tryHolders has more silent conns than there are places for handshakes, and honest
// clients beside them. A silent conn dials again when the server ends it.
func tryHolders(ctx context.Context, t *trial) error {
	var text string
	for _, secure := range []bool{false, true} {
		name := "TCP"
		if secure {
			name = "TLS"
		}
		s, err := t.start(ctx, target.Options{TLS: secure})
		if err != nil {
			return err
		}
		h := silentConns{s: s, silent: 1100, lasts: time.Duration(t.pick(10, 2)) * time.Second}
		in, all, err := h.honest(ctx)
		if err != nil {
			return err
		}
		t.check(in*100 >= all*honestIn, "%d of %d honest clients got in over %s beside %d silent conns, want %d %%", in, all, name, h.silent, honestIn)
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%d of %d honest clients got in over %s, beside %s dials of silent ones", in, all, name, figures.Count(h.dials.Load()))
		t.show("%s", text)
	}
	return nil
}

// silentConns are conns that say nothing and, when they are ended, dial again.
type silentConns struct {
	s      *target.Server
	silent int
	lasts  time.Duration
	dials  atomic.Int64
}

// honest connects ten honest clients a second. It returns how many got in, and how
// many there were.
func (h *silentConns) honest(ctx context.Context) (in, all int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var silent sync.WaitGroup
	for range h.silent {
		silent.Go(func() { h.occupy(ctx) })
	}
	defer silent.Wait()
	defer cancel()
	if err := client.Sleep(ctx, time.Second); err != nil { // every place is taken
		return 0, 0, err
	}
	var honest sync.WaitGroup
	var got atomic.Int64
	for began := time.Now(); time.Since(began) < h.lasts; all++ {
		honest.Go(func() {
			c, err := h.s.Connect(ctx)
			if err != nil {
				return
			}
			if c.Echo(wire.NewPacket(1, 1, 64), true) == nil {
				got.Add(1)
			}
			c.Close()
		})
		if err := client.Sleep(ctx, 100*time.Millisecond); err != nil {
			return 0, 0, err
		}
	}
	honest.Wait()
	return int(got.Load()), all, nil
}

// occupy dials, says nothing, and dials again once the server ends it.
func (h *silentConns) occupy(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := h.s.Dial(ctx)
		if err != nil {
			client.Sleep(ctx, redialAfter)
			continue
		}
		h.dials.Add(1)
		stop := context.AfterFunc(ctx, func() { c.TCP.Close() })
		var b [1]byte
		for err == nil {
			_, err = c.TCP.Read(b[:]) // its own init
		}
		stop()
		c.Reset()
		client.Sleep(ctx, redialAfter)
	}
}
