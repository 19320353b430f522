package siege

// The program and its commands.

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/siege/attack"
)

// Program is the program, for a command of its own or as a part of another.
func Program() *command.Program { return tool() }

func tool() *command.Program {
	return &command.Program{
		Name:  "siege",
		About: "Siege attacks a server of packetmq from outside.",
		Commands: []command.Command{
			{Name: "run", About: "try the server's promises, one by one", Run: runCommand},
			{Name: "soak", About: "connect, talk and vanish for long, and see what it leaves", Run: soakCommand},
		},
	}
}

// serverFlag names the program whose serve is attacked.
func serverFlag(fs *flag.FlagSet) *string {
	return fs.String("server", "", "`PROGRAM` that is attacked, by its command serve (default: bench, beside this program)")
}

// serverProgram returns the program that the flag names, or the default.
func serverProgram(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	own, err := os.Executable()
	return filepath.Join(filepath.Dir(own), "bench"), err
}

func runCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	only := fs.String("only", "", "`NAMES` of the promises to try, with commas between them: "+strings.Join(attack.Names(), ", ")+" (default all)")
	quick := fs.Bool("quick", false, "fewer conns and shorter rounds: seconds in place of minutes, and figures that say less")
	conns := fs.Int("conns", 0, "`N` unknown ids, refused conns and ends for each of the rows log, full and reuse, in place of some thousands")
	server := serverFlag(fs)
	if err := tool().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	if *conns < 0 {
		return command.Usagef("--conns %d: want at least 1", *conns)
	}
	cfg := attack.Config{Quick: *quick, Conns: *conns, Out: std.Out}
	if *only != "" {
		cfg.Only = strings.Split(*only, ",")
	}
	if err := cfg.Check(); err != nil {
		return command.UsageError{Err: err}
	}
	var err error
	if cfg.Server, err = serverProgram(*server); err != nil {
		return err
	}
	return attack.Run(ctx, cfg)
}

func soakCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("soak", flag.ContinueOnError)
	cfg := attack.SoakConfig{Out: std.Out}
	fs.DurationVar(&cfg.Duration, "duration", 10*time.Minute, "how long")
	fs.IntVar(&cfg.Clients, "clients", 32, "clients at the same time")
	server := serverFlag(fs)
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
	if cfg.Server, err = serverProgram(*server); err != nil {
		return err
	}
	return attack.Soak(ctx, cfg)
}
