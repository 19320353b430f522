package trial

// The program and its commands.

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"time"

	"github.com/packetmq/packetmq/cluster"
	"github.com/packetmq/packetmq/internal/command"
)

// Program is the program: run is for people, node is what it starts.
func Program() *command.Program {
	return &command.Program{
		Name:  "cluster",
		About: "Cluster runs three nodes as processes, with users who send each other packets, and kills one or replaces all.",
		Commands: []command.Command{
			{Name: "run", About: "show nodes and users at work, kill a node or replace all, and tell what was lost", Run: runCommand},
			{Name: "node", About: "be a node, whose settings and orders come by standard input", Run: nodeCommand},
		},
	}
}

func nodeCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("node", flag.ContinueOnError)
	if err := Program().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	return RunNode(ctx, std.In, std.Out)
}

func runCommand(ctx context.Context, args []string, std command.IO) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cfg := runConfig{node: func() *exec.Cmd {
		cmd := exec.Command(self, "node")
		cmd.Stderr = std.Err
		return cmd
	}}
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	fs.DurationVar(&cfg.duration, "duration", 20*time.Second, "how long users send")
	fs.IntVar(&cfg.users, "users", 90, "users, a third of them at each node")
	fs.IntVar(&cfg.rooms, "rooms", 9, "rooms that they are in")
	fs.IntVar(&cfg.rate, "rate", 2000, "packets that they send each second; one of ten goes to a room")
	fs.BoolVar(&cfg.copies, "copies", true, "keep copies of sessions in JetStream, at all three nodes, by which they outlive their node")
	fs.BoolVar(&cfg.restart, "restart", false, "replace all nodes, one after the other, instead of killing one")
	fs.DurationVar(&cfg.lease, "lease", cluster.DefaultLease, "for how long a node may be silent before it is taken for gone")
	fs.BoolVar(&cfg.plain, "plain", false, "print a line each second, as where there is no terminal")
	if err := Program().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	if err := cfg.check(); err != nil {
		return err
	}
	return run(ctx, &cfg, std.Out)
}

// check returns an error for what cannot be run.
func (cfg *runConfig) check() error {
	switch {
	case cfg.duration < time.Second:
		return command.Usagef("--duration %v: want at least 1s", cfg.duration)
	case cfg.users < 2*nodeCount:
		return command.Usagef("--users %d: want at least %d", cfg.users, 2*nodeCount)
	case cfg.rooms < 1 || cfg.rooms > cfg.users:
		return command.Usagef("--rooms %d: want at least 1, and at most as many as users", cfg.rooms)
	case cfg.lease < cluster.MinLease || cfg.lease >= promisedGone:
		return command.Usagef("--lease %v: want at least %v, and less than %v", cfg.lease, cluster.MinLease, promisedGone)
	case cfg.rate < 1:
		return command.Usagef("--rate %d: want at least 1", cfg.rate)
	}
	return nil
}
