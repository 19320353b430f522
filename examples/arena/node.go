package main

// A node of a cluster: a program of the module cluster/embedded, which is built and run here.

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// runNode runs the arena as a node, with the arguments of this command. This module does not
// require NATS, and nobody who requires this module gets it. So the arena that imports it is in
// another module of the repository, and the go command builds it.
func runNode(ctx context.Context, args []string) error {
	dir, err := os.MkdirTemp("", "arena-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "arena")
	if err := build(ctx, program); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second // after which it is killed
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the node has ended: %w", err)
	}
	return nil
}

// build builds the arena that can be a node.
func build(ctx context.Context, program string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/packetmq/packetmq").Output()
	if err != nil {
		return fmt.Errorf("-node needs the go command, in the repository: %w", err)
	}
	module := filepath.Join(string(bytes.TrimSpace(root)), "cluster", "embedded")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", module, "-o", program, "./cmd/arena")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the arena with NATS cannot be built: %w", err)
	}
	return nil
}
