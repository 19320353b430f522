package attack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// spareFiles is what this process and the server keep for all but these conns.
const spareFiles = 300

// tryIdle opens as many conns as descriptors allow, lets them be idle, and then
// has each served once.
func tryIdle(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return err
	}
	most, err := room()
	if err != nil {
		return err
	}
	n := min(most, t.of(most, 500))
	conns := make([]*conn, n)
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	var at, opened atomic.Int64
	began := time.Now()
	each(n, func() {
		i := at.Add(1) - 1
		c, err := s.connect(ctx)
		if err != nil {
			if ctx.Err() == nil {
				t.broke("conn %d of %d: %v", i, n, err)
			}
			return
		}
		conns[i] = c
		if opened.Add(1)%100 == 0 {
			t.figure("%s conns", count(opened.Load()))
		}
	})
	opening := time.Since(began)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	h, err := s.ask(ctx)
	if err != nil {
		return err
	}
	cost := (h.rss - s.before.rss) / max(h.conns, 1)
	t.figure("%s conns open, %s each", count(h.conns), size(cost))
	began = time.Now()
	served := serveAll(t, conns)
	took := time.Since(began)
	t.want(served == n, "%d of %d conns were served", served, n)
	t.want(int(h.conns) == n, "the server says it has %d conns, there are %d", h.conns, n)
	t.figure("%s conns opened in %s, %s each; all served in %s", count(h.conns), span(opening), size(cost), span(took))
	return ctx.Err()
}

// serveAll sends on every conn before it reads on any.
func serveAll(t *trial, conns []*conn) (served int) {
	const workers = 4
	var ok atomic.Int64
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < len(conns); i += workers {
				if c := conns[i]; c != nil {
					c.SetDeadline(time.Now().Add(patience))
					c.send(idEcho, packet{uint64(i), 1, 64}.append(nil))
				}
			}
			for i := w; i < len(conns); i += workers {
				if conns[i] == nil {
					continue
				}
				f, err := conns[i].next()
				if err == nil {
					err = packet{uint64(i), 1, 64}.check(f, true)
				}
				if errors.Is(err, os.ErrDeadlineExceeded) {
					waits, _ := queued(conns[i : i+1])
					err = fmt.Errorf("%w (the kernel holds something of it: %v)", err, waits)
				}
				if err != nil {
					t.broke("conn %d: %v", i, err)
					continue
				}
				ok.Add(1)
			}
		})
	}
	all.Wait()
	return int(ok.Load())
}
