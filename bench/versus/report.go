package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/packetmq/packetmq/bench/versus/harness"
	"github.com/packetmq/packetmq/bench/versus/report"
	"github.com/packetmq/packetmq/bench/versus/result"
)

func reportCommand(_ context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("report", flag.ContinueOnError)
	dir := fs.String("dir", "bench/results", "folder for REPORT.md and the plots")
	if err := parse(fs, args, 1, 1, "[flags] RESULTS", std); err != nil {
		return err
	}
	f, err := read(fs.Arg(0))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		return err
	}
	name := filepath.Join(*dir, "REPORT.md")
	to, err := os.Create(name)
	if err != nil {
		return err
	}
	defer to.Close()
	var peers []report.About
	for _, p := range harness.Peers() {
		peers = append(peers, report.About{Name: p.Name, About: p.About})
	}
	if err := report.Markdown(to, f, peers); err != nil {
		return err
	}
	if err := report.Plots(*dir, f); err != nil {
		return err
	}
	fmt.Fprintln(std.err, "the report is", name)
	return to.Close()
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
