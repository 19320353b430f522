//go:build linux && amd64

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestSteps(t *testing.T) {
	spin := filepath.Join(t.TempDir(), "spin")
	if out, err := exec.Command("go", "build", "-o", spin, "./testdata/spin").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(spin)
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1") // its goroutine stays on its thread
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = run([]string{"-n", "20000", strconv.Itoa(cmd.Process.Pid), "main.hundred"}, &out)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("this machine permits no tracing")
	}
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(out.String(), " ")
	if per, err := strconv.ParseFloat(first, 64); err != nil || per < 200 || per > 1500 {
		t.Errorf("%s instructions a call, want some for each of a hundred rounds:\n%s", first, &out)
	}
	if !strings.Contains(out.String(), "1.00 × main.hundred") {
		t.Errorf("the function is not called once a call:\n%s", &out)
	}
}

func TestWrongUse(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, args := range [][]string{nil, {"x", "main.main"}, {self}, {"-n", "0", self, "main.main"}, {self, "no.such"}, {"999999999", "main.main"}} {
		if err := run(args, new(bytes.Buffer)); err == nil {
			t.Errorf("steps %v: no error", args)
		}
	}
}
