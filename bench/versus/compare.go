package main

// The command compare: two results beside each other.

import (
	"context"
	"flag"
	"fmt"

	"github.com/packetmq/packetmq/bench/versus/result"
	"github.com/packetmq/packetmq/internal/command"
)

// compareCommand prints two results beside each other. With --benchfmt it takes
// one, and prints what benchstat reads.
func compareCommand(_ context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("compare", flag.ContinueOnError)
	benchfmt := fs.Bool("benchfmt", false, "print one file as Go benchmarks, a line for each round, for benchstat to compare")
	if err := program().Parse(fs, args, command.Arguments{About: "OLD NEW, or --benchfmt RESULTS", Least: 1, Most: 2}, std); err != nil {
		return err
	}
	if *benchfmt != (fs.NArg() == 1) {
		return command.Usagef("want two files, or --benchfmt and one")
	}
	old, err := read(fs.Arg(0))
	if err != nil {
		return err
	}
	if *benchfmt {
		return result.Benchmarks(std.Out, old)
	}
	latest, err := read(fs.Arg(1))
	if err != nil {
		return err
	}
	changes := result.Compare(old, latest)
	if len(changes) == 0 {
		return fmt.Errorf("%s and %s have nothing in common", fs.Arg(0), fs.Arg(1))
	}
	return result.WriteChanges(std.Out, changes)
}
