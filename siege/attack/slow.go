package attack

// Row slow: clients that are silent, stop half way, or send a byte a second.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

const (
	handshakeTime = 5 * time.Second
	frameTime     = 10 * time.Second
	lateBy        = time.Second

	// slowCost is how many bytes of memory a slow conn may cost the server more
	// than an idle one.
	slowCost = 2 << 10
)

// slowKind is a way of being slow.
type slowKind struct {
	name     string
	deadline time.Duration
	made     bool   // it does the handshake first
	says     []byte // what it says then,
	drips    []byte // or a byte a second of this
}

// slowKinds returns all ways.
func slowKinds() []slowKind {
	shake := wire.Handshake(true)
	frame := wire.AppendFrame(nil, wire.IDEcho, make([]byte, 500))
	return []slowKind{ // those that have more time first
		{name: "half a frame", deadline: frameTime, made: true, says: frame[:len(frame)/2]},
		{name: "a frame of a byte a second", deadline: frameTime, made: true, drips: frame},
		{name: "silent", deadline: handshakeTime},
		{name: "half a handshake", deadline: handshakeTime, says: shake[:len(shake)/2]},
		{name: "a handshake of a byte a second", deadline: handshakeTime, drips: shake},
	}
}

// trySlow opens slow conns of every kind and waits until the server ends them. It
// opens as many idle ones on another server, to compare what they cost.
func trySlow(ctx context.Context, t *trial) error {
	// Three kinds stay below the 1,024 handshakes that may be under way.
	each := func(k slowKind) int {
		if k.made {
			return t.pick(2050, 20)
		}
		return t.pick(300, 20)
	}
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return err
	}
	calm, err := t.start(ctx, target.Options{})
	if err != nil {
		return err
	}
	kinds := slowKinds()
	if t.quick { // a frame's ten seconds are too long
		kinds = kinds[2:]
	}
	all := 0
	for _, k := range kinds {
		all += each(k)
	}
	idle, err := idleCost(ctx, calm, all)
	if err != nil {
		return err
	}
	var ends sync.WaitGroup
	var mu sync.Mutex
	latest := make(map[string]time.Duration) // how long after its deadline
	opened := make([][]*client.Conn, len(kinds))
	began, fast := time.Now(), time.Time{} // when the first was opened, and the first that has less time
	for i, k := range kinds {
		if !k.made && fast.IsZero() {
			fast = time.Now()
		}
		for range each(k) {
			c, err := s.Dial(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			if k.made {
				if err := c.Handshake(true); err != nil {
					return err
				}
			}
			if _, err := c.Write(append(k.says[:len(k.says):len(k.says)], k.drips[:min(1, len(k.drips))]...)); err != nil {
				return err
			}
			opened[i] = append(opened[i], c)
			since := time.Now()
			ends.Go(func() {
				late, err := endOf(c, since.Add(k.deadline))
				if err != nil {
					t.fail("%s: %v", k.name, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				latest[k.name] = max(latest[k.name], late)
			})
		}
	}
	opening, openingFast := time.Since(began), time.Since(fast)
	drop := drip(ctx, kinds, opened)
	defer drop()
	slow := int64(-1)
	if opening < frameTime-2*time.Second && openingFast < handshakeTime-2*time.Second { // all are still there
		if err := client.Sleep(ctx, time.Second); err != nil {
			return err
		}
		h, err := s.Ask(ctx)
		if err != nil {
			return err
		}
		if h.Conns == int64(all) {
			slow = (h.RSS - s.Before.RSS) / h.Conns
		}
	}
	t.show("%s conns, %s each, idle ones %s; waiting for their ends", figures.Count(all), figures.Bytes(slow), figures.Bytes(idle))
	ends.Wait()
	var worst time.Duration
	for _, k := range kinds {
		worst = max(worst, latest[k.name])
		t.check(latest[k.name] <= t.bound(lateBy), "%s: closed %v after its deadline of %v, want at most %v", k.name, latest[k.name], k.deadline, lateBy)
	}
	t.check(slow >= 0, "conns were gone before their memory could be measured; opening them took %v", opening)
	t.check(slow <= idle+slowCost || t.quick, "a slow conn costs %s, want at most %s more than the %s of an idle one", figures.Bytes(slow), figures.Bytes(slowCost), figures.Bytes(idle))
	t.show("%s closed, the last %s after its deadline; %s each, idle ones %s",
		figures.Count(all), figures.Latency(worst), figures.Bytes(slow), figures.Bytes(idle))
	return nil
}

// endOf reads until the server has closed, and returns how long after the
// deadline that was.
func endOf(c *client.Conn, deadline time.Time) (late time.Duration, err error) {
	c.SetReadDeadline(deadline.Add(client.Patience))
	var buf [256]byte
	for {
		_, err := c.Conn.Read(buf[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, fmt.Errorf("not closed %v after its deadline", client.Patience)
		}
		if err != nil {
			late := time.Since(deadline)
			c.Close()
			return late, nil
		}
	}
}

// drip sends the next byte each second, on the conns that send a byte a second, until
// stop is called.
func drip(ctx context.Context, kinds []slowKind, opened [][]*client.Conn) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 1; client.Sleep(ctx, time.Second) == nil; i++ {
			for k, kind := range kinds {
				if i >= len(kind.drips) {
					continue
				}
				for _, c := range opened[k] {
					if _, err := c.Write(kind.drips[i : i+1]); errors.Is(err, net.ErrClosed) {
						continue
					}
				}
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// idleCost opens n conns that do the handshake and no more, and returns what
// one of them costs the server in bytes.
func idleCost(ctx context.Context, s *target.Server, n int) (int64, error) {
	for range n {
		c, err := s.Connect(ctx)
		if err != nil {
			return 0, err
		}
		defer c.Close()
	}
	h, err := s.Ask(ctx)
	return (h.RSS - s.Before.RSS) / int64(n), err
}
