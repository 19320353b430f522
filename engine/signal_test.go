//go:build linux || darwin || freebsd || dragonfly || netbsd || openbsd

package engine

import (
	"bufio"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// A reactor installs no handler: a signal does to the process what it does to
// any other.
func TestSignalsAreTheProgramsOwn(t *testing.T) {
	const child = "PACKETMQ_TEST_SIGNALS"
	if os.Getenv(child) != "" {
		r := New(nil)
		if err := r.RunAsync(); err != nil {
			t.Fatal(err)
		}
		r.Post(func() { os.Stdout.WriteString("runs\n") })
		<-r.Done()
		return
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "runs\n" {
			t.Errorf("the child says %q, %v", line, err)
		}
		cmd.Process.Signal(sig)
		cmd.Wait()
		if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != sig {
			t.Errorf("%v: the process ended with %v", sig, cmd.ProcessState)
		}
	}
}
