//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/packetmq/packetmq/internal/await"
	"github.com/packetmq/packetmq/internal/leak"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
	"github.com/packetmq/packetmq/session"
)

// asServer is set for the test binary where it is started as a server.
const asServer = "PACKETMQ_EXAMPLE_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a server in a process of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
}

// start starts a server, and returns when it serves.
func start(t *testing.T, control string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(os.Args[0], "-listen", "127.0.0.1:0", "-control", control)}
	p.cmd.Env = append(os.Environ(), asServer+"=1")
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "serving ") {
		t.Fatalf("the server says %q", lines.Text())
	}
	p.addr = strings.TrimPrefix(lines.Text(), "serving ")
	return p
}

// ends waits for the end of the process.
func (p *process) ends() {
	p.t.Helper()
	over := make(chan error, 1)
	go func() { over <- p.cmd.Wait() }()
	if err := await.Value(p.t, "end of a server", over); err != nil {
		p.t.Errorf("a server ended with %v", err)
	}
}

// crowd is many clients, each with a session, in which it sends and is answered. All is the
// loop's but for the atomics.
type crowd struct {
	t       *testing.T
	cli     *peer.Client
	all     []*walker
	resting bool

	refused, failed atomic.Int64
	wrong           atomic.Int64 // answers out of order, or that say that the server has missed or doubled something
	gap             atomic.Int64 // the longest time without an answer, in nanoseconds
}

// walker is one of them.
type walker struct {
	s        *session.Session
	sent     int
	answered atomic.Int64
	last     time.Duration // when it was answered last
	server   atomic.Int64  // the process that has answered last
}

func newCrowd(t *testing.T, addr string, clients int) *crowd {
	t.Helper()
	w := &crowd{t: t}
	reg := registry.NewAdapting()
	reg.MustAdd(count)
	cfg := &peer.Config{Reconnect: &peer.Backoff{Min: 20 * time.Millisecond, Max: 500 * time.Millisecond}}
	cfg.OnConnectFailed = func(_ string, err error) {
		w.failed.Add(1)
		if errors.Is(err, syscall.ECONNREFUSED) {
			w.refused.Add(1)
		}
	}
	w.cli = peer.NewClient(reg, cfg)
	peer.Handle(w.cli, count, w.answered)
	if err := w.cli.RunAsync(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.cli.Close() })
	for range clients {
		own := new(walker)
		s, err := session.Dial(t.Context(), w.cli, addr, &session.Config{
			OnEnd: func(_ *session.Session, reason error, unacked []session.Packet) {
				if !errors.Is(reason, peer.ErrClosed) {
					t.Errorf("a session has ended: %v, %d not acknowledged", reason, len(unacked))
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		own.s = s
		s.SetData(own)
		w.all = append(w.all, own)
	}
	w.cli.Reactor().Every(20*time.Millisecond, w.walk)
	return w
}

// walk has each send one more, if not too many wait for their answers.
func (w *crowd) walk() {
	for _, own := range w.all {
		if w.resting || own.sent-int(own.answered.Load()) >= 100 {
			continue
		}
		if err := session.Send(own.s, count, &Count{N: own.sent}); err != nil {
			w.t.Errorf("send: %v", err)
		}
		own.sent++
	}
}

// answered notes an answer.
func (w *crowd) answered(c *peer.Conn, v *Count) error {
	own := session.Of(c).Data().(*walker)
	if v.Wrong || int64(v.N) != own.answered.Load() {
		w.wrong.Add(1)
	}
	now := c.Loop().Time()
	if own.last != 0 {
		w.gap.Store(max(w.gap.Load(), int64(now-own.last)))
	}
	own.last = now
	own.answered.Add(1)
	own.server.Store(int64(v.Server))
	return nil
}

// served waits until each was answered by a process.
func (w *crowd) served(pid int) {
	w.t.Helper()
	await.True(w.t, "answers of the new process to all", func() bool {
		for _, own := range w.all {
			if own.server.Load() != int64(pid) {
				return false
			}
		}
		return true
	})
}

// rest waits until all that was sent is answered.
func (w *crowd) rest() (packets int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), await.Patience)
	defer cancel()
	if err := w.cli.Reactor().Loops()[0].Call(ctx, func() { w.resting = true }); err != nil {
		w.t.Fatal(err)
	}
	for _, own := range w.all {
		packets += own.sent
		await.True(w.t, "all answers", func() bool { return int(own.answered.Load()) == own.sent })
	}
	return packets
}

// knock dials until it is told to stop, and counts who was refused.
func knock(addr string, stop <-chan struct{}) (dialled, refused int) {
	for {
		select {
		case <-stop:
			return dialled, refused
		case <-time.After(5 * time.Millisecond):
		}
		dialled++
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			refused++
			continue
		}
		nc.Close()
	}
}

// A server under the traffic of many clients is replaced again and again: no packet of a
// session is lost or doubled, and nobody is refused.
func TestAServerIsReplacedUnderTraffic(t *testing.T) {
	clients, times := 300, 5
	if testing.Short() {
		clients, times = 60, 2
	}
	leak.Check(t)
	control := filepath.Join(t.TempDir(), "control")
	old := start(t, control)
	w := newCrowd(t, old.addr, clients)
	stop := make(chan struct{})
	knocked := make(chan [2]int, 1)
	go func() {
		dialled, refused := knock(old.addr, stop)
		knocked <- [2]int{dialled, refused}
	}()
	w.served(old.cmd.Process.Pid)
	for range times {
		w.cli.Reactor().Post(func() { w.gap.Store(0) }) // what was before is the start of so many
		next := start(t, control)
		old.ends()
		w.served(next.cmd.Process.Pid)
		t.Logf("replaced; the longest time in which one of %d clients had no answer: %v", clients, time.Duration(w.gap.Load()).Round(time.Millisecond))
		old = next
	}
	packets := w.rest()
	close(stop)
	n := await.Value(t, "end of the knocking", knocked)
	t.Logf("%d packets, %d dials beside them, %d attempts to come back that failed", packets, n[0], w.failed.Load())
	if w.wrong.Load() != 0 {
		t.Errorf("%d answers are out of order, missing or doubled", w.wrong.Load())
	}
	if n[1] != 0 || w.refused.Load() != 0 {
		t.Errorf("refused: %d of %d dials, %d clients", n[1], n[0], w.refused.Load())
	}
	old.cmd.Process.Signal(syscall.SIGTERM)
	old.ends()
}
