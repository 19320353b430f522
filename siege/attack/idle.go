package attack

// Row idle: as many conns as descriptors allow.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// spareFiles is how many descriptors this process and the server keep for anything
// but these conns.
const spareFiles = 300

// tryIdle opens as many conns as descriptors allow, leaves them idle, and then has
// each served once.
func tryIdle(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return err
	}
	most, err := room()
	if err != nil {
		return err
	}
	n := min(most, t.pick(most, 500))
	conns := make([]*client.Conn, n)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	var at, opened atomic.Int64
	began := time.Now()
	client.Parallel(n, func() {
		i := at.Add(1) - 1
		c, err := s.Connect(ctx)
		if err != nil {
			if ctx.Err() == nil {
				t.fail("conn %d of %d: %v", i, n, err)
			}
			return
		}
		conns[i] = c
		if opened.Add(1)%100 == 0 {
			t.show("%s conns", figures.Count(opened.Load()))
		}
	})
	opening := time.Since(began)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	h, err := s.Ask(ctx)
	if err != nil {
		return err
	}
	cost := (h.RSS - s.Before.RSS) / max(h.Conns, 1)
	t.show("%s conns open, %s each", figures.Count(h.Conns), figures.Bytes(cost))
	began = time.Now()
	served := serveAll(t, conns)
	took := time.Since(began)
	t.check(served == n, "%d of %d conns were served", served, n)
	t.check(int(h.Conns) == n, "the server says it has %d conns, there are %d", h.Conns, n)
	t.show("%s conns opened in %s, %s each; all served in %s", figures.Count(h.Conns), figures.Latency(opening), figures.Bytes(cost), figures.Latency(took))
	return ctx.Err()
}

// serveAll sends on every conn before it reads on any.
func serveAll(t *trial, conns []*client.Conn) (served int) {
	const workers = 4
	var ok atomic.Int64
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < len(conns); i += workers {
				if c := conns[i]; c != nil {
					c.SetDeadline(time.Now().Add(client.Patience))
					c.Send(wire.IDEcho, wire.NewPacket(uint64(i), 1, 64).Append(nil))
				}
			}
			for i := w; i < len(conns); i += workers {
				if conns[i] == nil {
					continue
				}
				f, err := conns[i].ReadFrame()
				if err == nil {
					err = wire.NewPacket(uint64(i), 1, 64).Check(f, true)
				}
				if errors.Is(err, os.ErrDeadlineExceeded) {
					waits, _ := target.Queued(conns[i : i+1])
					err = fmt.Errorf("%w (the kernel holds something of it: %v)", err, waits)
				}
				if err != nil {
					t.fail("conn %d: %v", i, err)
					continue
				}
				ok.Add(1)
			}
		})
	}
	all.Wait()
	return int(ok.Load())
}

// room returns how many conns the descriptors of this process allow.
func room() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	mine, err := target.OpenFiles(os.Getpid())
	most := min(int(limit.Cur), 65536) - int(mine) - spareFiles
	if err == nil && most < 1 {
		err = fmt.Errorf("the limit of descriptors, %d, leaves none for conns", limit.Cur)
	}
	return most, err
}
