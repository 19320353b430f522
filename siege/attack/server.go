package attack

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// environment is what a server is started in.
type environment struct {
	mode  string // of its payloads; empty: raw
	adapt bool   // it takes over the ids of clients
	busy  bool   // it has work of its own, and is never quiet
	tls   bool   // it speaks TLS, with a certificate that nobody vouches for
	files int    // limit of its descriptors; 0: as this process's
	taken int    // of these, so many are in use from the start
	vars  []string

	deadline time.Duration // for a handshake, a frame and silence; 0: the defaults
	members  int           // memory clients that leave when they are told to
}

// server is the process under siege.
type server struct {
	env  environment
	cmd  *exec.Cmd
	in   io.Closer // closed, it ends in order
	addr string

	sources atomic.Uint32 // dials made, for their source addresses

	told    chan holdings // answers to ask
	mu      sync.Mutex
	lines   []string // the last few it logged
	logged  int      // how many that were
	skipped int      // how many it says it has left out

	ended chan struct{} // closed with the process
	state error         // of its end

	before holdings
}

// holdings is what a server has in use.
type holdings struct {
	goroutines, conns, buffers, heap, stacks int64
	files, rss                               int64
	late                                     int64 // the latest that a timer was since the last answer, in nanoseconds
}

// clogBytes are more than the kernels take for a conn with a narrow window.
const clogBytes = 4 << 20

// settleTime is how long after its conns' end a server's memory may take to fall.
const settleTime = 5 * time.Second

// start runs program's serve. The process ends with ctx.
func start(ctx context.Context, program string, env environment) (*server, error) {
	s := &server{env: env, told: make(chan holdings, 1), ended: make(chan struct{})}
	args := []string{program, "serve", "--until-eof"}
	if env.mode != "" {
		args = append(args, "--mode", env.mode)
	}
	if env.adapt {
		args = append(args, "--adapt")
	}
	if env.busy {
		args = append(args, "--busy")
	}
	if env.tls {
		args = append(args, "--tls")
	}
	if env.deadline > 0 {
		args = append(args, "--deadline", env.deadline.String())
	}
	if env.members > 0 {
		args = append(args, "--members", fmt.Sprint(env.members))
	}
	if env.files > 0 {
		limit := fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, env.files)
		args = append([]string{"/bin/sh", "-c", limit}, args...)
	}
	s.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), env.vars...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is for this process alone
	for range env.taken {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return nil, err
		}
		defer null.Close()
		s.cmd.ExtraFiles = append(s.cmd.ExtraFiles, null)
	}
	var out, log io.Reader
	var errs [3]error
	s.in, errs[0] = s.cmd.StdinPipe()
	out, errs[1] = s.cmd.StdoutPipe()
	log, errs[2] = s.cmd.StderrPipe()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	var reading sync.WaitGroup
	reading.Go(func() { s.listen(log) })
	lines := bufio.NewScanner(out)
	at := lines.Scan()
	reading.Go(func() { io.Copy(io.Discard, out) })
	go func() {
		reading.Wait() // Wait closes what is read
		s.state = s.cmd.Wait()
		close(s.ended)
	}()
	addr, ok := strings.CutPrefix(lines.Text(), "listening tcp://")
	if !at || !ok {
		s.kill()
		return nil, fmt.Errorf("the server did not start: %v\n%s", s.state, s.log())
	}
	s.addr = addr
	if env.busy {
		return s, nil
	}
	return s, s.warm(ctx)
}

// warm has the server do once what it keeps something of, and notes what it
// holds then.
func (s *server) warm(ctx context.Context) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	err = c.echo(packet{1, 1, 64}, false)
	c.reset()
	if err == nil {
		err = s.clog(ctx)
	}
	if err != nil {
		return err
	}
	s.before, err = s.quiet(ctx)
	return err
}

// clog has the server meet a socket that takes no more: it then waits for it in
// a goroutine that it keeps.
func (s *server) clog(ctx context.Context) error {
	c, err := s.dialNarrow(ctx)
	if err != nil {
		return err
	}
	defer c.reset()
	if err := c.shake(!s.env.adapt); err != nil {
		return err
	}
	b := packet{1, 1, 60 << 10}.append(nil)
	c.SetWriteDeadline(time.Now().Add(patience))
	for range clogBytes / len(b) {
		if err := c.send(idEcho, b); err != nil {
			return err
		}
	}
	return s.digested(ctx, []*conn{c})
}

// listen takes what the server prints on its standard error.
func (s *server) listen(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		var h holdings
		if n, _ := fmt.Sscanf(line, "goroutines %d conns %d buffers %d heap %d stacks %d late %d", &h.goroutines, &h.conns, &h.buffers, &h.heap, &h.stacks, &h.late); n >= 4 {
			select {
			case s.told <- h:
			default: // nobody waits any more
			}
			continue
		}
		s.mu.Lock()
		s.logged++
		if _, n, ok := strings.Cut(line, " skipped="); ok {
			skipped, _ := strconv.Atoi(n)
			s.skipped += skipped
		}
		if s.lines = append(s.lines, line); len(s.lines) > 3 {
			s.lines = s.lines[1:]
		}
		s.mu.Unlock()
	}
	io.Copy(io.Discard, r)
}

// log returns the last lines that the server logged.
func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// counts returns how many lines it logged, and how many it says it has not.
func (s *server) counts() (logged, skipped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logged, s.skipped
}

// source spreads the conns over 127.0.0.0/8: each of its addresses has some
// 28,000 ports.
func (s *server) source() *net.TCPAddr {
	n := s.sources.Add(1)
	return &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n)|1)}
}

// dial connects and says nothing.
func (s *server) dial(ctx context.Context) (*conn, error) {
	return s.dialBy(ctx, net.Dialer{})
}

// dialNarrow is dial with so small a window that the kernels take little of
// what the server sends and nobody reads.
func (s *server) dialNarrow(ctx context.Context) (*conn, error) {
	return s.dialBy(ctx, net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		outer := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
		})
		return errors.Join(outer, err)
	}})
}

func (s *server) dialBy(ctx context.Context, d net.Dialer) (*conn, error) {
	d.LocalAddr, d.Timeout, d.KeepAlive = s.source(), patience, -1
	nc, err := d.DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	tcp := nc.(*net.TCPConn)
	if s.env.tls { // its handshake comes with the first byte
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true})
	}
	return newConn(nc, tcp), nil
}

// connect connects and does the handshake.
func (s *server) connect(ctx context.Context) (*conn, error) {
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.shake(!s.env.adapt); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (s *server) signal(sig syscall.Signal) error { return s.cmd.Process.Signal(sig) }

// alive reports whether the process runs.
func (s *server) alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// dead reports whether the process has ended, where a conn has said so: the
// kernel closes its conns a moment before, and a long one on a busy machine.
func (s *server) dead() bool {
	select {
	case <-s.ended:
		return true
	case <-time.After(2 * time.Second):
		return false
	}
}

// kill ends the process without warning.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.ended
}

// stop ends the process in order and returns its exit code.
func (s *server) stop(ctx context.Context) error {
	if err := s.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.ended:
		if s.state != nil {
			return fmt.Errorf("the server ended with %w\n%s", s.state, s.log())
		}
		return nil
	case <-ctx.Done():
	case <-time.After(15 * time.Second):
	}
	s.kill()
	return errors.New("the server did not end within 15 s of SIGTERM")
}

// ask has the server collect its garbage and tell what it holds.
func (s *server) ask(ctx context.Context) (h holdings, err error) {
	select {
	case <-s.told: // to a question that was given up
	default:
	}
	if err := s.signal(syscall.SIGUSR1); err != nil {
		return h, err
	}
	select {
	case h = <-s.told:
	case <-ctx.Done():
		return h, ctx.Err()
	case <-s.ended:
		return h, fmt.Errorf("the server has ended: %v\n%s", s.state, s.log())
	case <-time.After(2 * patience):
		return h, errors.New("the server does not answer SIGUSR1")
	}
	if h.files, err = openFiles(s.pid()); err != nil {
		return h, err
	}
	h.rss, err = memory(s.pid(), "VmRSS")
	return h, err
}

// quiet waits until the server has no conn, and returns what it holds then. The
// last softquit may wait for its other side for some seconds.
func (s *server) quiet(ctx context.Context) (h holdings, err error) {
	late := time.Now().Add(15 * time.Second)
	for {
		h, err = s.ask(ctx)
		if err != nil {
			return h, err
		}
		// What the collector works with comes and goes: those that are there
		// from the start are a few less at the first look.
		over := h.conns > int64(s.env.members) || h.buffers > 0
		if b := s.before; b.goroutines > 0 {
			over = over || h.goroutines > b.goroutines || h.files > b.files
		}
		if !over || time.Now().After(late) {
			return h, nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return h, err
		}
	}
}

// until waits until the server has that many conns.
func (s *server) until(ctx context.Context, conns int) error {
	for late := time.Now().Add(2 * patience); ; {
		h, err := s.ask(ctx)
		if err != nil || h.conns == int64(conns) {
			return err
		}
		if time.Now().After(late) {
			return fmt.Errorf("the server has %d conns, want %d", h.conns, conns)
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// settle waits until the server's memory has fallen below a bound, and returns
// what it is: the bound is missed if that is above it.
func (s *server) settle(ctx context.Context, bound int64) (rss int64, err error) {
	for late := time.Now().Add(settleTime); ; {
		h, err := s.ask(ctx)
		if err != nil || h.rss <= bound || time.Now().After(late) {
			return h.rss, err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// rss returns the resident memory of the process, in bytes.
func (s *server) rss() (int64, error) { return memory(s.pid(), "VmRSS") }

// peak returns the most that rss was since forget was called.
func (s *server) peak() (int64, error) { return memory(s.pid(), "VmHWM") }

// forget has peak begin anew.
func (s *server) forget() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.pid()), []byte("5"), 0)
}

// memory reads a field of /proc/PID/status that is in kilobytes.
func memory(pid int, field string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no %s", pid, field)
}

func openFiles(pid int) (int64, error) {
	d, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return int64(len(names)), err
}

// sleep waits for d, or returns why ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
