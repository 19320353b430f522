package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/packetmq/packetmq/peer"
)

// runConfig is what a run is to show.
type runConfig struct {
	loadConfig
	memory int // clients in memory
	mode   string
}

func runCommand(ctx context.Context, args []string, std stdio) error {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	cfg := runConfig{loadConfig: loadConfig{patience: patience}}
	cfg.flags(fs, 64, 4)
	fs.IntVar(&cfg.memory, "memory", 4, "clients in memory, each with one packet under way")
	mode := modeFlag(fs, modeTyped)
	if err := parse(fs, args, std); err != nil {
		return err
	}
	cfg.mode = *mode
	if err := cfg.check(); err != nil {
		return err
	}
	return run(ctx, &cfg, std)
}

func (cfg *runConfig) check() error {
	if cfg.memory < 0 {
		return usageErrorf("--memory %d: want at least 0", cfg.memory)
	}
	if err := checkMode(cfg.mode); err != nil {
		return err
	}
	return cfg.loadConfig.check()
}

// run has a server in this process serve clients in another one over TCP, and
// clients in memory beside them, and shows how that goes.
func run(ctx context.Context, cfg *runConfig, std stdio) error {
	server, err := newServer(cfg.mode, 1, std.err)
	if err != nil {
		return err
	}
	defer server.Close()
	if err := server.RunAsync(); err != nil {
		return err
	}
	addr, err := listenAt(server, "tcp://127.0.0.1:0")
	if err != nil {
		return err
	}
	cfg.connect = addrs{addr}
	// Not with ctx: it takes no time, and an interruption leaves less to tell.
	mem, err := connectMemory(context.WithoutCancel(ctx), server, cfg.memory, cfg.size)
	if err != nil {
		return err
	}
	s := show{cfg, mem, std.out}
	tcp, loadErr := s.load(ctx, std.err)
	inMemory, err := mem.finish(cfg.patience)
	if err != nil {
		return err
	}
	s.summary(tcp, inMemory)
	return errors.Join(loadErr, inMemory.err(), shutdown(ctx, server, cfg))
}

func shutdown(ctx context.Context, server *peer.Server, cfg *runConfig) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.patience)
	defer cancel()
	return server.Shutdown(ctx)
}

// show is what a run prints.
type show struct {
	cfg *runConfig
	mem *memoryClients
	out io.Writer
}

// load runs the clients of the other process and returns their result.
func (s *show) load(ctx context.Context, stderr io.Writer) (tcp result, err error) {
	c, err := startLoad(ctx, &s.cfg.loadConfig, stderr)
	if err != nil {
		if ctx.Err() != nil {
			err = nil // interrupted before it began
		}
		return tcp, err
	}
	s.title(c.pid())
	told := false
	for {
		var m message
		if err = c.Decode(&m); err != nil {
			break
		}
		switch {
		case m.Ready != nil:
			err = s.mem.start()
		case m.Sample != nil:
			err = s.live(m.Sample)
		case m.Result != nil:
			tcp, told = *m.Result, true
		}
		if err != nil {
			break
		}
	}
	...
}
