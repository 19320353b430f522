package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/packetmq/packetmq/peer"
)

// runConfig is what a run shows.
type runConfig struct {
	loadConfig
	memory int // clients in memory
	mode   string
}

func runCommand(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	var cfg runConfig
	cfg.flags(fs, 64, 4)
	fs.IntVar(&cfg.memory, "memory", 4, "clients in memory, each with one packet under way")
	mode := modeFlag(fs, modeTyped)
	if err := parse(fs, args, std); err != nil {
		return err
	}
	cfg.mode = *mode
	if err := errors.Join(cfg.check(), checkMode(cfg.mode)); err != nil {
		return err
	}
	if cfg.memory < 0 {
		return usageErrorf("--memory %d: want at least 0", cfg.memory)
	}
	return run(ctx, &cfg, std)
}

// run has a server in this process serve clients in another one over TCP, and
// clients in memory beside them on its own loop.
func run(ctx context.Context, cfg *runConfig, std stdio) error {
	server, err := newServer(cfg.mode, 1, std.err)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := server.RunAsync(); err != nil {
		return err
	}
	at, err := listenAt(server, "tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	mem, err := newMemory(server, cfg)
	if err != nil {
		return err
	}
	if err := mem.connect(ctx, cfg.memory); err != nil && ctx.Err() == nil {
		return err
	}
	cfg.connect = addrs{at}
	tcp, tcpErr := cfg.drive(ctx, mem, std)
	inMemory, err := mem.finish()
	if err != nil {
		return err
	}
	all := sum(tcp, inMemory)
	fmt.Fprintf(std.out, "\n  after %s, %s:\n\n", elapsed(all.At), plural(all.Packets, "packet"))
	table(std.out, [][]string{header(), tcp.row("tcp clients"), inMemory.row("memory clients"), all.row("total")})
	return errors.Join(tcpErr, inMemory.err(), server.Shutdown(context.WithoutCancel(ctx)))
}
