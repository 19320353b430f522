package twisted

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

//go:embed server.py
var script string

// The system's own Python has the packages, whatever other is first in PATH.
const python = "/usr/bin/python3"

// Args is the command that serves at addr.
func Args(addr, mode string) ([]string, error) {
	if mode != "raw" && mode != "any" {
		return nil, fmt.Errorf("twisted: no mode %q: want raw or any", mode)
	}
	path := python
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath("python3"); err != nil {
			return nil, fmt.Errorf("twisted: %w", err)
		}
	}
	return []string{path, "-c", script, addr, mode}, nil
}

// Available says why there is no server on this machine; nil if there is.
func Available() error {
	args, err := Args("", "raw")
	if err != nil {
		return err
	}
	if out, err := exec.Command(args[0], "-c", "import twisted, umsgpack").CombinedOutput(); err != nil {
		return fmt.Errorf("twisted: %s: %w", out, err)
	}
	return nil
}

// Serve replaces this process by the server, so that it is the one process
// that costs. It returns only where that fails.
func Serve(_ context.Context, addr, mode string, _ io.Writer) error {
	args, err := Args(addr, mode)
	if err != nil {
		return err
	}
	return fmt.Errorf("twisted: %s: %w", args[0], syscall.Exec(args[0], args, os.Environ()))
}
