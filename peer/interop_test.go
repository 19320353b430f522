package peer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetmq/packetmq/registry"
)

// interpreter is the Python that has Twisted and u-msgpack, or empty.
var interpreter = sync.OnceValue(func() string {
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import twisted, umsgpack").Run() == nil {
			return name
		}
	}
	return ""
})

// python returns an interpreter with Twisted and u-msgpack, or skips the test;
// where PACKETMQ_NEED_PYTHON is set, it fails instead.
func python(t *testing.T) string {
	t.Helper()
	if name := interpreter(); name != "" {
		return name
	}
	const missing = "needs Python 3 with Twisted and u-msgpack (Debian: python3-twisted, python3-u-msgpack)"
	if os.Getenv("PACKETMQ_NEED_PYTHON") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// script is the peer in the other language, running.
type script struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *bufio.Scanner
	errs bytes.Buffer
}

func start(t *testing.T, args ...string) *script {
	t.Helper()
	s := &script{t: t, cmd: exec.Command(python(t), append([]string{"testdata/twisted_peer.py"}, append(args, "--timeout", "60")...)...)}
	s.cmd.Stderr = &s.errs
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewScanner(out)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	return s
}

func (s *script) line() string {
	s.t.Helper()
	if !s.out.Scan() {
		s.t.Fatalf("the script ended: %v\n%s", s.out.Err(), s.errs.String())
	}
	return s.out.Text()
}

// ok waits for the script's own verdict.
func (s *script) ok() {
	s.t.Helper()
	last := s.line()
	if err := s.cmd.Wait(); err != nil || !strings.HasPrefix(last, "OK") {
		s.t.Fatalf("the script says %q, %v\n%s", last, err, s.errs.String())
	}
	s.t.Log(last)
}

// app is a side with app:ping and app:pong, and with every feature that the library knows
// nothing of.
func app(adapt bool, ping, pong int) *side {
	s := newSide(adapt, ping, pong)
	s.reg = newRegistry(adapt)
	s.reg.AddObject("app:ping", ping, nil)
	s.reg.AddObject("app:pong", pong, nil)
	s.reg.AddObject("app:optional", 99, nil, registry.Optional())
	s.cfg.Version = "1.0"
	return s
}

func TestTwistedClient(t *testing.T) {
	for name, args := range map[string]string{
		"plain":        "--adapt --packet app:ping=40 --packet app:pong=41 --pings 50",
		"python 2":     "--adapt --packet app:ping=40 --packet app:pong=41 --pings 50 --keys bin --order hash",
		"single bytes": "--adapt --packet app:ping=40 --packet app:pong=41 --pings 5 --dribble",
		"one segment":  "--adapt --packet app:ping=40 --packet app:pong=41 --burst 200",
		"eager":        "--adapt --packet app:ping=40 --packet app:pong=41 --pings 20 --eager",
		"same ids":     "--adapt --packet app:ping=17 --packet app:pong=18 --pings 10",
		"insisting":    "--packet app:ping=40 --packet app:pong=41 --pings 20 --keys bin",
	} {
		for _, mode := range []string{"raw", "any"} {
			if mode == "any" && strings.Contains(args, "bin") {
				continue // keys that were bin come back as str: equal text, other bytes
			}
			for _, quitter := range []string{"theirs", "ours"} {
				if testing.Short() && quitter == "ours" && name != "plain" {
					continue // each starts a Python, which takes half a second
				}
				t.Run(name+", "+mode+", "+quitter, func(t *testing.T) {
					python(t)
					s := app(!strings.Contains(args, "--adapt"), 17, 18)
					server := NewServer(s.reg, &s.cfg)
					extendAll(t, server.Peer)
					want := Reason("reason.bye")
					left := pings(args)
					// Ours comes right after the last answer.
					answered := func(c *Conn, err error) error {
						if left--; err == nil && left == 0 && quitter == "ours" {
							return c.Softquit(want)
						}
						return err
					}
					pong, _ := s.reg.Lookup("app:pong")
					if mode == "raw" {
						server.Untyped().HandleRaw("app:ping", func(c *Conn, b []byte) error { return answered(c, c.ReplyRaw(pong, b)) })
					} else {
						server.Untyped().Handle("app:ping", func(c *Conn, v any) error { return answered(c, c.Untyped().Reply(pong, v)) })
					}
					ln := open(t, server)
					port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
					all := append([]string{"client", "--port", port}, strings.Fields(args)...)
					if quitter == "theirs" {
						all = append(all, "--softquit", string(want))
					} else {
						all = append(all, "--expect-softquit", string(want))
					}
					start(t, all...).ok()
					s.next(t, "made")
					if e := s.next(t, "lost"); e.reason != want {
						t.Errorf("lost because of %v, want %v", e.reason, want)
					}
				})
			}
		}
	}
}

// The library is told the reason of a softquit with advice, and skips the rest.
func TestTwistedClientSkipsAdvice(t *testing.T) {
	for name, keys := range map[string]string{"python 3": "str", "python 2": "bin"} {
		t.Run(name, func(t *testing.T) {
			python(t)
			s := app(false, 17, 18)
			server := NewServer(s.reg, &s.cfg)
			drained := make(chan error, 1)
			server.Untyped().HandleRaw("app:ping", func(c *Conn, b []byte) error {
				go func() {
					drained <- server.Drain(t.Context(), Drain{Comeback: ComebackLater, To: "tcp://g2:7000", After: time.Minute})
				}()
				pong, _ := s.reg.Lookup("app:pong")
				return c.ReplyRaw(pong, b)
			})
			port := fmt.Sprint(open(t, server).Addr().(*net.TCPAddr).Port)
			start(t, "client", "--port", port, "--adapt", "--packet", "app:ping=40", "--packet", "app:pong=41", "--pings", "1",
				"--keys", keys, "--expect-softquit", string(ReasonShutdown), "--further-key", "back", "--further-key", "to", "--further-key", "after").ok()
			if err := wait(t, "Drain", drained); err != nil {
				t.Error(err)
			}
		})
	}
}

// pings is how many pings a script with these arguments sends.
func pings(args string) (n int) {
	fields := strings.Fields(args)
	for i, f := range fields {
		if f == "--pings" || f == "--burst" {
			fmt.Sscan(fields[i+1], &n)
		}
	}
	return n
}

func TestTwistedServer(t *testing.T) {
	for name, args := range map[string]string{
		"plain":        "--packet app:ping=17 --packet app:pong=18",
		"python 2":     "--packet app:ping=17 --packet app:pong=18 --keys bin",
		"single bytes": "--packet app:ping=17 --packet app:pong=18 --dribble",
		"adapting":     "--adapt --packet app:ping=17 --packet app:pong=18",
		"unix":         "--packet app:ping=17 --packet app:pong=18",
	} {
		for _, quitter := range []string{"theirs", "ours"} {
			if testing.Short() && quitter == "ours" && name != "plain" {
				continue
			}
			t.Run(name+", "+quitter, func(t *testing.T) {
				const pings = 50
				all := append([]string{"server"}, strings.Fields(args)...)
				addr := ""
				if name == "unix" {
					path := filepath.Join(t.TempDir(), "s")
					all = append(all, "--unix", path)
					addr = "unix://" + path
				} else {
					all = append(all, "--port", "0")
				}
				want := "reason.bye"
				if quitter == "theirs" {
					all = append(all, "--wait-pings", fmt.Sprint(pings), "--softquit", want)
				} else {
					all = append(all, "--expect-softquit", want)
				}
				py := start(t, all...)
				listening, ok := strings.CutPrefix(py.line(), "LISTENING ")
				if !ok {
					t.Fatal("the script does not listen")
				}
				if addr == "" {
					addr = "127.0.0.1:" + strings.TrimSpace(listening)
				}
				c := app(!strings.Contains(args, "--adapt"), 40, 41)
				client := NewClient(c.reg, &c.cfg)
				extendAll(t, client.Peer)
				got := make(chan any, pings)
				client.Untyped().Handle("app:pong", func(_ *Conn, v any) error { got <- v; return nil })
				run(t, client.Peer)
				conn, err := client.Connect(t.Context(), addr)
				if err != nil {
					t.Fatal(err, py.errs.String())
				}
				for n := range pings {
					if err := conn.Untyped().Send("app:ping", mixed(n)); err != nil {
						t.Fatal(err)
					}
				}
				for n := range pings {
					v := wait(t, "pong", got)
					if m, ok := v.(map[string]any); !ok || m["n"] != int64(n) || m["text"] != "grüße" {
						t.Fatalf("pong %d is %v", n, v)
					}
				}
				if quitter == "ours" {
					conn.Softquit(Reason(want))
				}
				c.next(t, "made")
				if e := c.next(t, "lost"); e.reason != Reason(want) {
					t.Errorf("lost because of %v", e.reason)
				}
				py.ok()
			})
		}
	}
}

// mixed has every msgpack type that the library carries.
func mixed(n int) map[string]any {
	return map[string]any{
		"n": n, "text": "grüße", "bytes": []byte{0, 255, 1}, "nil": nil, "yes": true,
		"float": 1.5, "ints": []any{0, -1, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, -32769, int64(1 << 40)},
		"deep": map[string]any{"list": []any{map[string]any{"x": []any{}}}},
	}
}

func TestTwistedMismatches(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		want Reason
	}{
		"same policy": {"--packet app:ping=17 --packet app:pong=18", ReasonSameAdaptivePolicy},
		"names":       {"--adapt --packet app:ping=40 --packet app:pong=41 --packet app:x=42", ReasonNonEqualPackets},
		"version":     {"--adapt --version 2", ReasonVersionMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			python(t)
			s := app(false, 17, 18)
			server := NewServer(s.reg, &s.cfg)
			extendAll(t, server.Peer)
			ln := open(t, server)
			port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
			all := append([]string{"client", "--port", port}, strings.Fields(test.args)...)
			if name == "names" { // it is the adapting side that notices
				all = append(all, "--softquit", string(test.want))
			} else {
				all = append(all, "--expect-softquit", string(test.want))
			}
			py := start(t, all...)
			if e := s.next(t, "lost"); !errors.Is(e.reason, test.want) {
				t.Errorf("lost because of %v", e.reason)
			}
			py.line()
		})
	}
}
