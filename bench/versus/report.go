package main

// The command report: the tables and plots of a result.

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/packetmq/packetmq/bench/versus/harness"
	"github.com/packetmq/packetmq/bench/versus/report"
	"github.com/packetmq/packetmq/bench/versus/result"
	"github.com/packetmq/packetmq/internal/command"
)

func reportCommand(_ context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("report", flag.ContinueOnError)
	dir := fs.String("dir", "bench/results", "folder for REPORT.md and the plots")
	if err := program().Parse(fs, args, command.Arguments{About: "[flags] RESULTS", Least: 1, Most: 1}, std); err != nil {
		return err
	}
	f, err := read(fs.Arg(0))
	if err != nil {
		return err
	}
	return writeReport(*dir, f, std)
}

func writeReport(dir string, f *result.File, std command.IO) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var peers []report.About
	for _, p := range harness.Peers() {
		peers = append(peers, report.About{Name: p.Name, About: p.About})
	}
	name := filepath.Join(dir, "REPORT.md")
	to, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := report.Markdown(to, f, peers); err != nil {
		to.Close()
		return err
	}
	if err := to.Close(); err != nil {
		return err
	}
	if err := report.Plots(dir, f); err != nil {
		return err
	}
	fmt.Fprintln(std.Err, "the report is", name)
	return nil
}

func read(name string) (*result.File, error) {
	from, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	f, err := result.Read(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}
