package bench

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/peer"
	"github.com/packetmq/packetmq/registry"
)

// process is one of the commands, running in this process.
type process struct {
	t      *testing.T
	lines  *bufio.Scanner // of its standard output
	cancel context.CancelFunc
	code   chan int
	stderr strings.Builder // once the code has come
}

// start runs bench with args.
func start(t *testing.T, stdin io.Reader, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, w := io.Pipe()
	p := &process{t: t, lines: bufio.NewScanner(out), cancel: cancel, code: make(chan int, 1)}
	p.lines.Buffer(nil, 1<<20)
	go func() {
		p.code <- tool().Run(ctx, args, command.IO{In: stdin, Out: w, Err: &p.stderr})
		w.Close()
	}()
	t.Cleanup(func() {
		cancel()
		io.Copy(io.Discard, out)
	})
	return p
}

// line waits for the next line.
func (p *process) line() string {
	p.t.Helper()
	if !p.lines.Scan() {
		p.t.Fatalf("no more output; exit code %d, stderr:\n%s", <-p.code, &p.stderr)
	}
	return p.lines.Text()
}

// rest waits for the end.
func (p *process) rest() (out string, code int) {
	var b strings.Builder
	for p.lines.Scan() {
		b.WriteString(p.lines.Text() + "\n")
	}
	return b.String(), <-p.code
}

// wantCode waits for the end, and returns the output.
func (p *process) wantCode(want int) string {
	p.t.Helper()
	out, code := p.rest()
	if code != want {
		p.t.Errorf("exit code %d, want %d; stderr:\n%s", code, want, &p.stderr)
	}
	return out
}

// address is what a line of serve's says.
func (p *process) address() string {
	p.t.Helper()
	addr, ok := strings.CutPrefix(p.line(), "listening ")
	if !ok {
		p.t.Fatalf("got the line %q", p.lines.Text())
	}
	return addr
}

// customServer is a server whose handler of bench:echo is fn.
func customServer(t *testing.T, fn func(c *peer.Conn, reply *registry.Type, b []byte) error) (addr string) {
	t.Helper()
	server := peer.NewServer(registry.New(), nil)
	t.Cleanup(func() { server.Close() })
	reply, err := addUntyped(server.Registry())
	if err != nil {
		t.Fatal(err)
	}
	server.Untyped().HandleRaw(echoName, func(c *peer.Conn, b []byte) error { return fn(c, reply, b) })
	if err := server.RunAsync(); err != nil {
		t.Fatal(err)
	}
	addr, err = listenAt(server, "tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
