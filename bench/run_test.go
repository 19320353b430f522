//go:build unix

package bench

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// What needs processes and signals is tested with the program itself.
func TestProgram(t *testing.T) {
	bench := program(filepath.Join(t.TempDir(), "bench"))
	if out, err := exec.Command("go", "build", "-o", string(bench), "./cmd/bench").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, program)
	}{
		{"run", testRun},
		{"run is interrupted", testRunInterrupted},
		{"run's group is interrupted", testRunGroupInterrupted},
		{"run is killed", testRunKilled},
		{"run's child is killed", testRunChildKilled},
		{"serve is terminated", testServeTerminated},
		{"serve is terminated twice", testServeTerminatedTwice},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, bench) })
	}
}

// program is the path of the built program.
type program string

// running is a process of it, in a group of its own.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner // of its standard output
	seen   strings.Builder
	stderr bytes.Buffer // once it has ended
}

func (p program) start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{t: t, cmd: exec.Command(string(p), args...)}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Stderr = &r.stderr
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.lines = bufio.NewScanner(out)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
			r.cmd.Wait()
		}
	})
	return r
}

// until waits for a line that matches, and returns the match.
func (r *running) until(pattern string) []string {
	r.t.Helper()
	re := regexp.MustCompile(pattern)
	for r.lines.Scan() {
		r.seen.WriteString(r.lines.Text() + "\n")
		if m := re.FindStringSubmatch(r.lines.Text()); m != nil {
			return m
		}
	}
	r.cmd.Wait()
	r.t.Fatalf("no line matches %s; %v; output:\n%s%s", pattern, r.cmd.ProcessState, &r.seen, &r.stderr)
	return nil
}

func (r *running) signal(to int, s syscall.Signal) {
	r.t.Helper()
	if err := syscall.Kill(to, s); err != nil {
		r.t.Fatal(err)
	}
}

// ended waits for the process, and for all that it started: they share its
// standard error, and Wait returns when the last has closed that.
func (r *running) ended() *os.ProcessState {
	for r.lines.Scan() {
		r.seen.WriteString(r.lines.Text() + "\n")
	}
	r.cmd.Wait()
	return r.cmd.ProcessState
}

func (r *running) wantCode(want int) {
	r.t.Helper()
	if s := r.ended(); s.ExitCode() != want {
		r.t.Errorf("%v, want code %d; output:\n%s%s", s, want, &r.seen, &r.stderr)
	}
}

func (r *running) pid() int { return r.cmd.Process.Pid }

// What a run prints, one pattern a line.
const (
	liveLine   = `^ +[\d.]+s  68 conns \(64 tcp, 4 mem\)  tcp +[\d,]+ packets/s  p50 +[\d.]+ .?s  p99 +[\d.]+ .?s  mem +[\d,]+ packets/s$`
	childLine  = `tcp clients +process (\d+), 64 conns`
	headerLine = `^ +conns +packets +packets/s +p50 +p99 +max +errors$`
	totalLine  = `^ +total +68 .* 0$`
)

func testRun(t *testing.T, bench program) {
	r := bench.start(t, "run", "--duration", "1s")
	r.until("^packetmq under load")
	r.until(liveLine)
	r.until(headerLine)
	r.until(`^ +tcp clients +64 +[1-9][\d,]* `)
	r.until(`^ +memory clients +4 +[1-9][\d,]* `)
	r.until(totalLine)
	r.wantCode(0)
	if r.stderr.Len() > 0 {
		t.Errorf("standard error:\n%s", &r.stderr)
	}
}

func testRunInterrupted(t *testing.T, bench program) {
	r := bench.start(t, "run", "--duration", "1h")
	r.until(liveLine)
	r.signal(r.pid(), syscall.SIGINT)
	r.until(totalLine)
	r.wantCode(0)
}

// As a terminal's Ctrl-C does it.
func testRunGroupInterrupted(t *testing.T, bench program) {
	r := bench.start(t, "run", "--duration", "1h")
	r.until(childLine)
	r.signal(-r.pid(), syscall.SIGINT)
	r.until(headerLine)
	r.wantCode(0)
}

func testRunKilled(t *testing.T, bench program) {
	r := bench.start(t, "run", "--duration", "1h")
	r.until(childLine)
	r.signal(r.pid(), syscall.SIGKILL)
	r.wantCode(-1) // and the child has ended too
}

func testRunChildKilled(t *testing.T, bench program) {
	r := bench.start(t, "run", "--duration", "1h")
	child, err := strconv.Atoi(r.until(childLine)[1])
	if err != nil {
		t.Fatal(err)
	}
	r.until(liveLine)
	r.signal(child, syscall.SIGKILL)
	r.until(headerLine)
	r.wantCode(1)
	if !strings.Contains(r.stderr.String(), "killed") {
		t.Errorf("standard error does not tell why: %s", &r.stderr)
	}
}

func testServeTerminated(t *testing.T, bench program) {
	r := bench.start(t, "serve")
	addr := r.until(`^listening (tcp://.*)$`)[1]
	checkEcho(t, addr)
	r.signal(r.pid(), syscall.SIGTERM)
	r.wantCode(0)
}

// The second signal does not wait for a client that does not go.
func testServeTerminatedTwice(t *testing.T, bench program) {
	r := bench.start(t, "serve")
	addr := r.until(`^listening tcp://(.*)$`)[1]
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	skipTo(t, in, "version")
	r.signal(r.pid(), syscall.SIGTERM)
	skipTo(t, in, "reason.shutdown") // the first is being obeyed
	r.signal(r.pid(), syscall.SIGTERM)
	state := r.ended()
	if ws, ok := state.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGTERM {
		t.Errorf("%v, want an end by the signal", state)
	}
}

// skipTo reads until text has come.
func skipTo(t *testing.T, r io.ByteReader, text string) {
	t.Helper()
	var seen []byte
	for !bytes.HasSuffix(seen, []byte(text)) {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("%v before %q came:\n%s", err, text, hex.Dump(seen))
		}
		seen = append(seen, b)
	}
}
