package main

// The commands load, serve and siege, which are those of the programs bench and siege.

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/bench"
	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/siege"
)

// exitCode is the error of a command that has said itself why it ended, and how.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// newOther makes a command of those of another program, which reads its flags itself. args
// makes its arguments of those after the command's name.
func newOther(use, short string, p *command.Program, args func([]string) []string, std command.IO) *cobra.Command {
	return &cobra.Command{
		Use:                use,
		Short:              short,
		DisableFlagParsing: true,
		RunE: run(func(ctx context.Context, given []string) error {
			if code := p.Run(ctx, args(given), std); code != 0 {
				return exitCode(code)
			}
			return nil
		}),
	}
}

// newTraffic makes load and serve.
func newTraffic(std command.IO) []*cobra.Command {
	p := bench.Program()
	p.Name = "packetmq"
	after := func(name string) func([]string) []string {
		return func(args []string) []string { return append([]string{name}, args...) }
	}
	return []*cobra.Command{
		newOther("load --connect ADDR", "keep a server of serve busy and check each reply", p, after("load"), std),
		newOther("serve --listen ADDR", "serve a load: answer every bench:echo with a bench:reply", p, after("serve"), std),
	}
}

// newSiege makes siege.
func newSiege(std command.IO) *cobra.Command {
	p := siege.Program()
	p.Name = "packetmq siege"
	c := newOther("siege COMMAND", "attack a server from outside, and say which promises held", p, siegeArgs, std)
	for _, known := range p.Commands {
		c.ValidArgs = append(c.ValidArgs, known.Name+"\t"+known.About)
	}
	return c
}

// siegeArgs has siege attack this program's own serve, unless it is told another server.
func siegeArgs(args []string) []string {
	self, err := os.Executable()
	if err != nil || len(args) == 0 || args[0] != "run" && args[0] != "soak" {
		return args
	}
	return append([]string{args[0], "--server", self}, args[1:]...)
}
