package attack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// tryEnds ends conns in every way that is none of the protocol's, then a server
// in order while it owes replies, then one without warning.
func tryEnds(ctx context.Context, t *trial) error {
	ends, err := t.clientsEnd(ctx)
	if err != nil {
		return err
	}
	t.figure("%s clients ended, others not", count(ends))
	owed, took, err := t.serverEnds(ctx)
	if err != nil {
		return err
	}
	t.figure("%s clients ended, others not; %s owed at SIGTERM arrived in %s", count(ends), size(owed), span(took))
	seen, err := t.serverDies(ctx)
	if err != nil {
		return err
	}
	t.figure("%s clients ended, others not; %s owed at SIGTERM arrived in %s, code 0; kill -9 seen in %s",
		count(ends), size(owed), span(took), span(seen))
	return nil
}

// clientsEnd kills processes of clients, resets conns in the middle of a frame,
// and closes half of others, beside a crowd.
func (t *trial) clientsEnd(ctx context.Context) (ends int, err error) {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return 0, err
	}
	polite, err := gather(ctx, s, 50, 10*time.Millisecond)
	if err != nil {
		return 0, err
	}
	const conns = 16
	for range t.of(5, 1) {
		if err := t.killClients(ctx, s, conns); err != nil {
			return 0, err
		}
		ends += conns
	}
	n := t.of(2000, 100)
	large := frameOf(idEcho, make([]byte, 50_000))
	var at, halves atomic.Int64
	each(n, func() {
		c, err := s.connect(ctx)
		if err != nil {
			t.broke("a conn that is to end: %v", err)
			return
		}
		switch at.Add(1) % 3 {
		case 0:
			c.Write(large[:len(large)/2])
			c.reset()
		case 1:
			c.Write(append(large[:len(large):len(large)], large[:20]...)) // its reply is on the way
			c.reset()
		case 2:
			c.tcp.CloseWrite()
			if _, err := c.why(patience); err != nil {
				t.broke("a conn closed by half was not closed by the server: %v", err)
			}
			halves.Add(1)
			c.Close()
		}
	})
	ends += n
	_, slowest, err := polite.home()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	t.want(err == nil, "another conn: %v", err)
	t.want(slowest < t.within(answerWithin), "another conn waited %v, want at most %v", slowest, answerWithin)
	t.want(halves.Load() > 0, "no conn was closed by half")
	return ends, nil
}

// killClients starts a process of clients and kills it while it talks.
func (t *trial) killClients(ctx context.Context, s *server, conns int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, t.program, "load", "--json", "--until-eof",
		"--connect", "tcp://"+s.addr, "--conns", fmt.Sprint(conns), "--duration", "1m")
	cmd.Env = append(os.Environ(), t.env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer in.Close() // it ends with this process at the latest
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ready := bufio.NewScanner(out).Scan()
	err = sleep(ctx, 200*time.Millisecond)
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
	s, err := t.start(ctx, environment{})
	if err != nil {
		return 0, 0, err
	}
	conns := make([]*conn, t.of(8, 2))
	for i := range conns {
		c, err := s.connect(ctx)
		if err != nil {
			return 0, 0, err
		}
		defer c.Close()
		c.tcp.SetReadBuffer(256 << 10)
		for seq := range uint64(packets) {
			if err := c.send(idEcho, packet{uint64(i), seq, bytes}.append(nil)); err != nil {
				return 0, 0, err
			}
		}
		conns[i] = c
		owed += packets * bytes
	}
	if err := s.digested(ctx, conns); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := s.signal(syscall.SIGTERM); err != nil {
		return 0, 0, err
	}
	if err := sleep(ctx, 300*time.Millisecond); err != nil { // it is at it by now
		return 0, 0, err
	}
	var all sync.WaitGroup
	for i, c := range conns {
		all.Go(func() {
			c.SetDeadline(time.Now().Add(2 * patience))
			for seq := range uint64(packets) {
				f, err := c.next()
				if err == nil {
					err = packet{uint64(i), seq, bytes}.check(f, true)
				}
				if err != nil {
					t.broke("reply %d of %d owed at SIGTERM: %v", seq, packets, err)
					c.Close()
					return
				}
			}
			why, err := c.why(patience)
			t.want(why == "reason.shutdown" && err == nil, "behind the replies owed at SIGTERM came reason %q (%v), want reason.shutdown", why, err)
			c.Close()
		})
	}
	all.Wait()
	select {
	case <-s.ended:
		t.want(s.state == nil, "the server ended with %v, want code 0\n%s", s.state, s.log())
	case <-time.After(15 * time.Second):
		t.broke("the server did not end after SIGTERM")
	}
	return owed, time.Since(began), ctx.Err()
}

// digested waits until the server has handled what was sent on conns.
func (s *server) digested(ctx context.Context, conns []*conn) error {
	for late := time.Now().Add(2 * patience); ; {
		waits, err := queued(conns)
		if err != nil {
			return err
		}
		if !waits {
			break
		}
		if time.Now().After(late) {
			return errors.New("the server does not read")
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	// What it has read it handles in turns, with others in between.
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for seq := range uint64(200) {
		if err := c.echo(packet{1 << 20, seq, 8}, s.env.mode != "any"); err != nil {
			return err
		}
	}
	return nil
}

// queued reports whether the kernel holds something that was sent on conns and
// not read by the server.
func queued(conns []*conn) (bool, error) {
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return false, err
	}
	ours := make(map[string]bool)
	for _, c := range conns {
		a := c.LocalAddr().(*net.TCPAddr)
		ip := a.IP.To4()
		ours[fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], a.Port)] = true
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line) // number, local, remote, state, sent:received …
		if len(f) < 5 {
			continue
		}
		sent, received, _ := strings.Cut(f[4], ":")
		if ours[f[1]] && sent != "00000000" || ours[f[2]] && received != "00000000" {
			return true, nil
		}
	}
	return false, nil
}

// serverDies kills a server and sees how long its clients wait for the news.
func (t *trial) serverDies(ctx context.Context) (slowest time.Duration, err error) {
	s, err := t.start(ctx, environment{})
	if err != nil {
		return 0, err
	}
	conns := make([]*conn, t.of(100, 10))
	for i := range conns {
		if conns[i], err = s.connect(ctx); err != nil {
			return 0, err
		}
		defer conns[i].Close()
	}
	began := time.Now()
	s.kill()
	for _, c := range conns {
		_, err := c.why(patience)
		t.want(err == nil, "a client of a killed server: %v", err)
	}
	took := time.Since(began)
	t.want(took < t.within(time.Second), "clients saw the end of a killed server after %v, want at most 1 s", took)
	return took, ctx.Err()
}
