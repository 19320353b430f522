package main

// The command run: all servers under all loads.

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/packetmq/packetmq/bench/versus/harness"
	"github.com/packetmq/packetmq/bench/versus/report"
	"github.com/packetmq/packetmq/bench/versus/result"
	"github.com/packetmq/packetmq/internal/command"
)

func runCommand(ctx context.Context, args []string, std command.IO) error {
	cfg := harness.Config{Progress: std.Err, Rand: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))}
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	fs.StringVar(&cfg.Bin, "bin", besides(), "folder of limit, load, room, bench and versus")
	fs.IntVar(&cfg.Rounds, "rounds", 11, "rounds of each cell; a third of that for growth, which takes long to connect")
	fs.DurationVar(&cfg.Window, "window", 200*time.Millisecond, "time that is measured")
	fs.DurationVar(&cfg.Warmup, "warmup", 50*time.Millisecond, "time before that with the same load")
	fs.DurationVar(&cfg.Patience, "patience", 100*time.Millisecond, "most time to wait for a quiet machine once others have disturbed a sample")
	fs.IntVar(&cfg.Nice, "nice", 0, "priority of servers and loads, -20 to 19; below 0 it needs the right to")
	fs.IntVar(&cfg.Idle, "idle", 10000, "conns whose memory is looked at")
	fs.IntVar(&cfg.Procs, "procs", 1, "GOMAXPROCS of every Go server and caller; as many as the server has loops at least")
	peers := fs.String("peers", "", "servers, with commas between them; all if empty")
	modes := fs.String("modes", strings.Join(harness.Modes(), ","), "modes of servers")
	groups := fs.String("groups", strings.Join(harness.Groups(), ","), "groups of cells")
	cells := fs.String("cells", "", `cells of the groups closed, calls, rooms, sessions and cluster, such as "64 B 64×16,64 B 1×1,user 1×1"; all if empty`)
	out := fs.String("out", "", "file for the results; none if empty")
	dir := fs.String("report", "", "folder for a report of it; none if empty")
	if err := program().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	var err error
	if cfg.Peers, err = choosePeers(*peers); err != nil {
		return err
	}
	cfg.Modes, cfg.Groups, cfg.Cells = list(*modes), list(*groups), list(*cells)
	for _, g := range cfg.Groups {
		if !slices.Contains(harness.Groups(), g) {
			return command.Usagef("there is no group %q", g)
		}
	}
	for _, name := range cfg.Cells {
		if !slices.ContainsFunc(append(harness.ClosedCells(), harness.NamedCells()...), func(c result.Cell) bool { return c.Name() == name }) {
			return command.Usagef("there is no cell %q", name)
		}
	}
	if cfg.Rounds < 1 || cfg.Window <= 0 || cfg.Procs < 1 || cfg.Idle < 1 {
		return command.Usagef("rounds, window, procs and idle are to be above 0")
	}
	f := &result.File{Machine: result.Machine{GOMAXPROCS: cfg.Procs, Window: cfg.Window.String(), Rounds: cfg.Rounds,
		Command: strings.Join(append([]string{"bin/versus", "run"}, args...), " ")}}
	harness.Describe(&f.Machine)
	f.Samples = harness.Run(ctx, &cfg)
	f.Machine.Cut = ctx.Err() != nil
	report.Summary(std.Out, f)
	if err := write(f, *out, std); err != nil || *dir == "" {
		return err
	}
	return writeReport(*dir, f, std)
}

func write(f *result.File, name string, std command.IO) error {
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	to, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := f.Write(to); err != nil {
		to.Close()
		return err
	}
	fmt.Fprintf(std.Err, "%d samples in %s\n", len(f.Samples), name)
	return to.Close()
}

// besides is the folder that this program is in.
func besides() string {
	exe, err := os.Executable()
	if err != nil {
		return "bin"
	}
	return filepath.Dir(exe)
}

func choosePeers(wanted string) ([]harness.Peer, error) {
	all := harness.Peers()
	if wanted == "" {
		return all, nil
	}
	var peers []harness.Peer
	for _, name := range list(wanted) {
		p, ok := harness.Find(all, name)
		if !ok {
			return nil, command.Usagef("there is no peer %q", name)
		}
		peers = append(peers, p)
	}
	return peers, nil
}

func list(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(s string) bool { return s == "" })
}
