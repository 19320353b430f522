package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/packetmq/packetmq/bench/versus/result"
)

// asVersus has the test's own program be the command, for tests that start it.
const asVersus = "VERSUS_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asVersus) != "" {
		main()
	}
	code := m.Run()
	if dir, err := programs(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// programs compiles those in C, as make does, into a folder with this program.
var programs = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "versus"); err != nil {
		return "", err
	}
	for _, name := range []string{"limit", "load", "fan", "room"} {
		cc := exec.Command("cc", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-pthread",
			"-o", filepath.Join(dir, name), filepath.Join("c", name+".c"))
		if out, err := cc.CombinedOutput(); err != nil {
			return dir, errors.New(name + ": " + err.Error() + "\n" + string(out))
		}
	}
	self, err := os.Executable()
	if err != nil {
		return dir, err
	}
	return dir, os.Symlink(self, filepath.Join(dir, "versus"))
})

// bin is where the programs are.
func bin(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("there is no C compiler")
	}
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ASAN_OPTIONS", "detect_leaks=0") // they end with what they hold
	return dir
}

// startServer runs a server in this process until the test ends.
func startServer(t *testing.T, serve server, mode string) (addr string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := serve(ctx, "127.0.0.1:0", mode, in)
		in.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return listening(t, out)
}

// startLimit runs the C server until the test ends.
func startLimit(t *testing.T, args ...string) (addr string) {
	t.Helper()
	return startProgram(t, "limit", args...)
}

// startProgram runs a server in C until the test ends.
func startProgram(t *testing.T, name string, args ...string) (addr string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin(t), name), args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if stderr.Len() > 0 {
			t.Errorf("%s: %s", name, &stderr)
		}
	})
	return listening(t, out)
}

func listening(t *testing.T, out io.Reader) string {
	t.Helper()
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(line, "listening ")
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	return strings.TrimSpace(addr)
}

// load runs the C load to its end.
func load(t *testing.T, addr string, args ...string) (l result.Load, stderr string, err error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin(t), "load"), append([]string{"--connect", addr, "--warmup", "5ms", "--duration", "30ms"}, args...)...)
	cmd.Stdin = strings.NewReader("go\n")
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	ready, line, _ := strings.Cut(out.String(), "\n")
	if line == "" {
		return l, problems.String(), errors.Join(err, errors.New("no result"))
	}
	if jerr := json.Unmarshal([]byte(line), &l); jerr != nil || ready != "ready" {
		t.Errorf("%q: %v", out.String(), jerr)
	}
	return l, problems.String(), err
}
