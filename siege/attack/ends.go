package attack

// Row ends: conns, clients and servers that end without a word.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/figures"
	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
	"github.com/packetmq/packetmq/siege/wire"
)

// tryEnds ends conns in every way but the protocol's, then a server in order while
// it owes replies, then a server without warning.
func tryEnds(ctx context.Context, t *trial) error {
	ends, err := t.clientsEnd(ctx)
	if err != nil {
		return err
	}
	t.show("%s clients ended, others not", figures.Count(ends))
	owed, took, err := t.serverEnds(ctx)
	if err != nil {
		return err
	}
	t.show("%s clients ended, others not; %s owed at SIGTERM arrived in %s", figures.Count(ends), figures.Bytes(owed), figures.Latency(took))
	seen, err := t.serverDies(ctx)
	if err != nil {
		return err
	}
	t.show("%s clients ended, others not; %s owed at SIGTERM arrived in %s, code 0; kill -9 seen in %s",
		figures.Count(ends), figures.Bytes(owed), figures.Latency(took), figures.Latency(seen))
	return nil
}

// clientsEnd kills processes of clients, resets conns in the middle of a frame,
// and closes one direction of others, beside probes.
func (t *trial) clientsEnd(ctx context.Context) (ends int, err error) {
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return 0, err
	}
	probes, err := client.StartProbes(ctx, &s.Endpoint, 50, 10*time.Millisecond)
	if err != nil {
		return 0, err
	}
	const conns = 16
	for range t.pick(5, 1) {
		if err := t.killClients(ctx, s, conns); err != nil {
			return 0, err
		}
		ends += conns
	}
	n := t.pick(2000, 100)
	large := wire.EncodeFrame(wire.IDEcho, make([]byte, 50_000))
	var at, halves atomic.Int64
	client.Parallel(n, func() {
		c, err := s.Connect(ctx)
		if err != nil {
			t.fail("a conn that is to end: %v", err)
			return
		}
		switch at.Add(1) % 3 {
		case 0:
			c.Write(large[:len(large)/2])
			c.Reset()
		case 1:
			c.Write(append(large[:len(large):len(large)], large[:20]...)) // its reply is on the way
			c.Reset()
		case 2:
			c.TCP.CloseWrite()
			if _, err := c.ReadReason(client.Patience); err != nil {
				t.fail("a conn closed by half was not closed by the server: %v", err)
			}
			halves.Add(1)
			c.Close()
		}
	})
	ends += n
	_, slowest, err := probes.Stop()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	t.check(err == nil, "another conn: %v", err)
	t.check(slowest < t.bound(answerWithin), "another conn waited %v, want at most %v", slowest, answerWithin)
	t.check(halves.Load() > 0, "no conn was closed by half")
	return ends, nil
}

// killClients starts a process of clients and kills it while it talks.
func (t *trial) killClients(ctx context.Context, s *target.Server, conns int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*client.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.program, "load", "--json", "--until-eof",
		"--connect", "tcp://"+s.Addr, "--conns", fmt.Sprint(conns), "--duration", "1m")
	cmd.Env = append(os.Environ(), t.env...)
	in, out, err := command.Start(cmd)
	if err != nil {
		return err
	}
	defer in.Close() // it ends with this process at the latest
	ready := bufio.NewScanner(out).Scan()
	err = client.Sleep(ctx, 200*time.Millisecond)
	cmd.Process.Kill()
	cmd.Wait()
	if !ready && err == nil {
		err = errors.New("a process of clients did not start")
	}
	return err
}

// serverEnds has a server owe replies, sends it SIGTERM, and then reads them.
func (t *trial) serverEnds(ctx context.Context) (owed int64, took time.Duration, err error) {
	const packets, bytes = 96, 64 << 10 // 6 MiB: less than what may wait for one conn
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return 0, 0, err
	}
	conns := make([]*client.Conn, t.pick(8, 2))
	for i := range conns {
		c, err := s.Connect(ctx)
		if err != nil {
			return 0, 0, err
		}
		defer c.Close()
		c.TCP.SetReadBuffer(256 << 10)
		for seq := range uint64(packets) {
			if err := c.Send(wire.IDEcho, wire.NewPacket(uint64(i), seq, bytes).Append(nil)); err != nil {
				return 0, 0, err
			}
		}
		conns[i] = c
		owed += packets * bytes
	}
	if err := s.WaitHandled(ctx, conns); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := s.Signal(syscall.SIGTERM); err != nil {
		return 0, 0, err
	}
	if err := client.Sleep(ctx, 300*time.Millisecond); err != nil { // it is at it by now
		return 0, 0, err
	}
	var all sync.WaitGroup
	for i, c := range conns {
		all.Go(func() {
			c.SetDeadline(time.Now().Add(2 * client.Patience))
			for seq := range uint64(packets) {
				f, err := c.ReadFrame()
				if err == nil {
					err = wire.NewPacket(uint64(i), seq, bytes).Check(f, true)
				}
				if err != nil {
					t.fail("reply %d of %d owed at SIGTERM: %v", seq, packets, err)
					c.Close()
					return
				}
			}
			why, err := c.ReadReason(client.Patience)
			t.check(why == "reason.shutdown" && err == nil, "after the replies owed at SIGTERM came reason %q (%v), want reason.shutdown", why, err)
			c.Close()
		})
	}
	all.Wait()
	select {
	case <-s.Ended:
		t.check(s.State == nil, "the server ended with %v, want code 0\n%s", s.State, s.Log())
	case <-time.After(15 * time.Second):
		t.fail("the server did not end after SIGTERM")
	}
	return owed, time.Since(began), ctx.Err()
}

// serverDies kills a server and sees how long its clients wait for the news.
func (t *trial) serverDies(ctx context.Context) (slowest time.Duration, err error) {
	s, err := t.start(ctx, target.Options{})
	if err != nil {
		return 0, err
	}
	conns := make([]*client.Conn, t.pick(100, 10))
	for i := range conns {
		if conns[i], err = s.Connect(ctx); err != nil {
			return 0, err
		}
		defer conns[i].Close()
	}
	began := time.Now()
	s.Kill()
	for _, c := range conns {
		_, err := c.ReadReason(client.Patience)
		t.check(err == nil, "a client of a killed server: %v", err)
	}
	took := time.Since(began)
	t.check(took < t.bound(time.Second), "clients saw the end of a killed server after %v, want at most 1 s", took)
	return took, ctx.Err()
}
