//go:build unix

package main

import (
	"context"
	"flag"
	"os"
	"strings"
	"time"

	"github.com/packetmq/packetmq/bench/command"
	"github.com/packetmq/packetmq/bench/siege"
)

func siegeCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("siege", flag.ContinueOnError)
	only := fs.String("only", "", "`NAMES` of the promises to try, with commas between them: "+strings.Join(siege.Names(), ", ")+" (default all)")
	quick := fs.Bool("quick", false, "fewer conns and shorter rounds: seconds in place of minutes, and figures that say less")
	conns := fs.Int("conns", 0, "`N` unknown ids, refused conns and ends for each of the rows log, full and reuse, in place of some thousands")
	if err := tool().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	if *conns < 0 {
		return command.Usagef("--conns %d: want at least 1", *conns)
	}
	cfg := siege.Config{Quick: *quick, Conns: *conns, Out: std.Out}
	if *only != "" {
		cfg.Only = strings.Split(*only, ",")
	}
	if err := cfg.Check(); err != nil {
		return command.UsageError{Err: err}
	}
	var err error
	if cfg.Program, err = os.Executable(); err != nil {
		return err
	}
	return siege.Run(ctx, cfg)
}

func soakCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("soak", flag.ContinueOnError)
	cfg := siege.SoakConfig{Out: std.Out}
	fs.DurationVar(&cfg.Duration, "duration", 10*time.Minute, "how long")
	fs.IntVar(&cfg.Clients, "clients", 32, "clients at the same time")
	if err := tool().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	switch {
	case cfg.Duration <= 0:
		return command.Usagef("--duration %v: want more than none", cfg.Duration)
	case cfg.Clients < 1:
		return command.Usagef("--clients %d: want at least 1", cfg.Clients)
	}
	var err error
	if cfg.Program, err = os.Executable(); err != nil {
		return err
	}
	return siege.Soak(ctx, cfg)
}
