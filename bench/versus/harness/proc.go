package harness

// The processes of servers and loads.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/packetmq/packetmq/internal/command"
	"golang.org/x/sys/unix"
)

// Pin makes this process run on some CPUs and become another program. It returns
// only to tell why it could not.
func Pin(cpus []int, nice int, args []string) error {
	if nice != 0 {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, nice); err != nil {
			return fmt.Errorf("priority %d: %w", nice, err)
		}
	}
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("CPUs %v: %w", cpus, err)
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, args, os.Environ())
}

// process is a server or a load. It is alone in a group, with what it starts.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string // of its standard output; closed at its end
	stderr *tail
}

// patience is how long a process has for what should be quick.
const patience = 40 * time.Second

var errSilent = errors.New("no word within " + patience.String())

// start runs args on some CPUs. It dies with this process.
func start(cpus []int, nice int, env []string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{"pin", list(cpus), strconv.Itoa(nice)}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &process{cmd: cmd, lines: make(chan string, 16), stderr: new(tail)}
	cmd.Stderr = p.stderr
	in, out, err := command.Start(cmd)
	if err != nil {
		return nil, err
	}
	p.in = in
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p, nil
}

// list is how Pin's command line has CPUs: 0,1.
func list(cpus []int) string {
	var s []string
	for _, cpu := range cpus {
		s = append(s, strconv.Itoa(cpu))
	}
	return strings.Join(s, ",")
}

// line waits for the next line of standard output.
func (p *process) line(ctx context.Context, patience time.Duration) (string, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case s, ok := <-p.lines:
		if !ok {
			return "", p.failure(io.ErrUnexpectedEOF)
		}
		return s, nil
	case <-timer.C:
		return "", p.failure(errSilent)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// address is the first line that says where a server listens.
func (p *process) address(ctx context.Context) (string, error) {
	for {
		s, err := p.line(ctx, patience)
		if err != nil {
			return "", err
		}
		if at, ok := strings.CutPrefix(s, "listening "); ok {
			return strings.TrimPrefix(strings.TrimSpace(at), "tcp://"), nil
		}
	}
}

func (p *process) failure(err error) error {
	return fmt.Errorf("%w %s", err, p.stderr)
}

// stop ends the process and everything in its group.
func (p *process) stop() {
	group := -p.cmd.Process.Pid
	p.in.Close()
	_ = syscall.Kill(group, syscall.SIGTERM)
	kill := time.AfterFunc(2*time.Second, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
	defer kill.Stop()
	for range p.lines { // until it ends
	}
	_ = p.cmd.Wait()
	_ = syscall.Kill(group, syscall.SIGKILL) // what it may have left
}

// members returns the processes of p's group.
func (p *process) members() []int {
	group := p.cmd.Process.Pid
	pids := []int{group}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		pid, of, ok := parseStat(string(b))
		if ok && of == group && pid != group {
			pids = append(pids, pid)
		}
	}
	return pids
}

// parseStat takes the process and its group from a line of /proc/PID/stat,
// whose second field is a name with any characters, in parentheses.
func parseStat(line string) (pid, group int, ok bool) {
	head, rest, found := strings.Cut(line, " (")
	end := strings.LastIndex(rest, ") ")
	if !found || end < 0 {
		return 0, 0, false
	}
	fields := strings.Fields(rest[end+2:])
	if len(fields) < 3 {
		return 0, 0, false
	}
	pid, err := strconv.Atoi(head)
	group, err2 := strconv.Atoi(fields[2])
	return pid, group, err == nil && err2 == nil
}

// tail is the end of what was written. Whoever waits for more is woken.
type tail struct {
	mu    sync.Mutex
	b     []byte
	grown chan struct{} // closed with the next write; nil if nobody waits
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 2 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b = append(t.b, p...); len(t.b) > most {
		t.b = t.b[len(t.b)-most:]
	}
	if t.grown != nil {
		close(t.grown)
		t.grown = nil
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.b))
}

// take returns what there is, and forgets it. If that is nothing, the channel
// tells when there is more.
func (t *tail) take() (string, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := string(t.b)
	t.b = nil
	if t.grown == nil {
		t.grown = make(chan struct{})
	}
	return s, t.grown
}
