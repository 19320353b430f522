package target

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/siege/client"
)

// Options are how a server is started.
type Options struct {
	Mode     string   // of its payloads; empty: raw
	Adapt    bool     // it takes over the ids of clients
	Busy     bool     // it has work of its own, and never has no conn
	Rooms    bool     // it has rooms and topics, which its clients join
	Any      bool     // it takes WebSocket at its port, too
	Sessions bool     // it has sessions, 64 of each address
	Control  string   // where it offers a hand-over, of which each may take a second; empty: nowhere
	TLS      bool     // it speaks TLS, with a certificate that nobody vouches for
	Files    int      // limit of its descriptors; 0: as this process's
	Taken    int      // of these, so many are in use from the start
	Env      []string // added to that of this process

	Deadline time.Duration // for a handshake, a frame and silence; 0: the defaults
	Members  int           // memory clients that leave at SIGUSR2
}

// args are those of the command serve.
func (o *Options) args() []string {
	args := []string{"serve", "--until-eof"}
	if o.Mode != "" {
		args = append(args, "--mode", o.Mode)
	}
	if o.Adapt {
		args = append(args, "--adapt")
	}
	if o.Busy {
		args = append(args, "--busy")
	}
	if o.Rooms {
		args = append(args, "--rooms")
	}
	if o.Sessions {
		args = append(args, "--sessions")
	}
	if o.Control != "" {
		args = append(args, "--control", o.Control)
	}
	if o.Any {
		args = append(args, "--any")
	}
	if o.TLS {
		args = append(args, "--tls")
	}
	if o.Deadline > 0 {
		args = append(args, "--deadline", o.Deadline.String())
	}
	if o.Members > 0 {
		args = append(args, "--members", strconv.Itoa(o.Members))
	}
	return args
}

// Server is the process that is attacked.
type Server struct {
	// set once
	client.Endpoint
	Options Options
	Before  Resources     // after it had served one client
	Ended   chan struct{} // closed when the process has ended
	State   error         // how it ended; valid when Ended is closed

	cmd  *exec.Cmd
	in   io.Closer      // when it is closed, the process ends in order
	told chan Resources // answers to Ask

	// guarded by mu
	mu      sync.Mutex
	lines   []string // the last few that it logged
	logged  int      // how many it logged
	skipped int      // how many it says it has left out
}

// Start runs program's command serve, and has it serve a client. The process
// ends with ctx.
func Start(ctx context.Context, program string, opts Options) (*Server, error) {
	s := &Server{Options: opts, told: make(chan Resources, 1), Ended: make(chan struct{})}
	out, err := s.run(ctx, program)
	if err != nil {
		return nil, err
	}
	addr, ok := strings.CutPrefix(<-out, "listening tcp://")
	if !ok {
		s.Kill()
		return nil, fmt.Errorf("the server did not start: %v\n%s", s.State, s.Log())
	}
	s.Addr, s.TLS, s.Adapts, s.Reorders, s.Rooms = addr, opts.TLS, opts.Adapt, opts.Mode == "any", opts.Rooms
	if opts.Busy {
		return s, nil
	}
	return s, s.warmUp(ctx)
}

// run starts the process. The channel gets the first line of its output; it is
// closed when there is none.
func (s *Server) run(ctx context.Context, program string) (first <-chan string, err error) {
	args := append([]string{program}, s.Options.args()...)
	if s.Options.Files > 0 {
		limit := fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, s.Options.Files)
		args = append([]string{"/bin/sh", "-c", limit}, args...)
	}
	s.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), s.Options.Env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is for this process alone
	for range s.Options.Taken {
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
	line := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() { s.listen(log) })
	reading.Go(func() {
		defer close(line)
		lines := bufio.NewScanner(out)
		if lines.Scan() {
			line <- lines.Text()
		}
		io.Copy(io.Discard, out)
	})
	go func() {
		reading.Wait() // Wait closes what is read
		s.State = s.cmd.Wait()
		close(s.Ended)
	}()
	return line, nil
}

// listen takes what the server prints on its standard error.
func (s *Server) listen(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		var h Resources
		if n, _ := fmt.Sscanf(line, "goroutines %d conns %d buffers %d heap %d stacks %d late %d", &h.Goroutines, &h.Conns, &h.Buffers, &h.Heap, &h.Stacks, &h.Late); n >= 4 {
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

// Log returns the last lines that the server logged.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// LogCounts returns how many lines it logged, and how many it says it left out.
func (s *Server) LogCounts() (logged, skipped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logged, s.skipped
}

// Signal sends the process a signal.
func (s *Server) Signal(sig syscall.Signal) error { return s.cmd.Process.Signal(sig) }

// Alive reports whether the process runs.
func (s *Server) Alive() bool {
	select {
	case <-s.Ended:
		return false
	default:
		return true
	}
}

// EndsSoon reports whether the process has ended, or ends within two seconds. The
// kernel closes a process's conns a moment before its end is reported, and on a
// busy machine that moment is long.
func (s *Server) EndsSoon() bool {
	select {
	case <-s.Ended:
		return true
	case <-time.After(2 * time.Second):
		return false
	}
}

// Kill ends the process without warning.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.Ended
}

// Stop ends the process in order, and fails if its exit code is not 0.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.Ended:
		if s.State != nil {
			return fmt.Errorf("the server ended with %w\n%s", s.State, s.Log())
		}
		return nil
	case <-ctx.Done():
	case <-time.After(15 * time.Second):
	}
	s.Kill()
	return errors.New("the server did not end within 15 s of SIGTERM")
}

// PID returns the process id.
func (s *Server) PID() int { return s.cmd.Process.Pid }
