package attack

// Row frozen: a server whose process stands still for longer than its deadlines.

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

const (
	// frozenDeadline is what the server allows for a handshake, a frame and
	// silence. It stands still for frozenFor, which is longer.
	frozenDeadline = time.Second
	frozenFor      = 1500 * time.Millisecond

	speakEvery = 50 * time.Millisecond
)

// tryFrozen stops the server's process for longer than its deadlines, while clients
// do everything in time. It is what happens on a machine that is suspended or out
// of memory.
func tryFrozen(ctx context.Context, t *trial) error {
	s, err := t.start(ctx, target.Options{Deadline: frozenDeadline})
	if err != nil {
		return err
	}
	stayed, rounds := 0, t.pick(5, 1)
	for round := range rounds {
		n, err := t.freeze(ctx, s, 50)
		if err != nil {
			return err
		}
		stayed += n
		t.show("%d of %d clients that spoke in time stayed, over %d stops of %v with deadlines of %v", stayed, (round+1)*150, round+1, frozenFor, frozenDeadline)
	}
	t.check(stayed == rounds*150, "%d of %d clients that spoke in time stayed", stayed, rounds*150)
	return nil
}

// freeze stops the server once, with n clients that speak, n that have begun a
// handshake, and n that have begun a frame. It returns how many of them stayed.
func (t *trial) freeze(ctx context.Context, s *target.Server, n int) (stayed int, err error) {
	shake, frame := wire.Handshake(true), wire.EncodeFrame(wire.IDEcho, wire.NewPacket(7, 7, 500).Append(nil))
	speakers, err := client.ConnectAll(ctx, s.Dial, n, shake)
	if err != nil {
		return 0, err
	}
	defer client.ResetAll(speakers)
	framers, err := client.ConnectAll(ctx, s.Dial, n, shake)
	if err != nil {
		return 0, err
	}
	defer client.ResetAll(framers)
	shakers, err := client.ConnectAll(ctx, s.Dial, n, nil)
	if err != nil {
		return 0, err
	}
	defer client.ResetAll(shakers)
	half := func(conns []*client.Conn, b []byte) {
		for _, c := range conns {
			c.Write(b)
		}
	}
	speaking, hush := context.WithCancel(ctx)
	defer hush()
	var speech sync.WaitGroup
	for _, c := range speakers {
		speech.Go(func() {
			for c.Send(wire.IDEcho, []byte{0xc0}) == nil && client.Sleep(speaking, speakEvery) == nil {
			}
		})
	}
	half(framers, frame[:len(frame)/2])
	half(shakers, shake[:len(shake)/2])
	if err := client.Sleep(ctx, 100*time.Millisecond); err != nil { // it has read them
		return 0, err
	}
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		return 0, err
	}
	err = client.Sleep(ctx, 100*time.Millisecond)
	half(framers, frame[len(frame)/2:])
	half(shakers, shake[len(shake)/2:])
	if err == nil {
		err = client.Sleep(ctx, frozenFor)
	}
	if err := errors.Join(err, s.Signal(syscall.SIGCONT)); err != nil {
		return 0, err
	}
	// Half a deadline more: a server that counts the time it stood still ends
	// clients now, and these are not late yet.
	if err := client.Sleep(ctx, frozenDeadline/2); err != nil {
		return 0, err
	}
	hush()
	speech.Wait()
	return t.stayed("spoke", speakers, isIn) + t.stayed("finished a frame", framers, func(c *client.Conn) error {
		f, err := c.ReadFrame()
		if err != nil {
			return err
		}
		return wire.NewPacket(7, 7, 500).Check(f, true)
	}) + t.stayed("finished a handshake", shakers, func(c *client.Conn) error {
		if err := c.ReadUntil(wire.IDFinish); err != nil {
			return err
		}
		return isIn(c)
	}), nil
}

// isIn reads what has come. It returns nil if the server has not ended the conn.
func isIn(c *client.Conn) error {
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	for {
		if _, err := c.ReadFrame(); errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// stayed counts the conns for which ok returns nil. The row fails with the error of
// the first other one.
func (t *trial) stayed(what string, conns []*client.Conn, ok func(*client.Conn) error) (n int) {
	var first error
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(client.Patience))
		if err := ok(c); err == nil {
			n++
		} else if first == nil {
			first = err
		}
	}
	t.check(first == nil, "%d of %d clients that %s in time stayed; one was told: %v", n, len(conns), what, first)
	return n
}
