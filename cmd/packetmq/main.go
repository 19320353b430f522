package main

// The program: its commands, and the codes with which it ends.

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/internal/command"
)

func main() { command.Main(program{}) }

// program is a command.Runner by cobra.
type program struct{}

// Run runs the command that args name and returns the exit code.
func (program) Run(ctx context.Context, args []string, std command.IO) int {
	root := newRoot(std)
	root.SetArgs(args)
	ran, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	fmt.Fprintf(std.Err, "%s: %s\n", ran.CommandPath(), cleanLines(err.Error())) // other sides' reasons are in it
	if _, ok := errors.AsType[command.UsageError](err); !ok && hasBegun(ran) {
		return 1
	}
	fmt.Fprintf(std.Err, "try: %s --help\n", ran.CommandPath())
	return 2
}

// newRoot makes the commands.
func newRoot(std command.IO) *cobra.Command {
	root := &cobra.Command{
		Use:           "packetmq",
		Short:         "Packetmq works with programs that speak packetmq.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return command.Usagef("a command is missing")
		},
	}
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	root.AddCommand(newCall(std), newDump(std), newGen(std), newPing(std), newReplay(std), newSend(std), newSiege(std), newTail(std), newTop(std))
	root.AddCommand(newTraffic(std)...)
	return root
}

// begun marks a command whose line could be followed: what fails from then on is no fault of
// the line.
const begun = "begun"

// hasBegun reports whether a command has come to its work.
func hasBegun(c *cobra.Command) bool { return c.Annotations[begun] != "" }

// run makes the RunE of a command, which notes that its line could be followed.
func run(fn func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		c.Annotations = map[string]string{begun: "yes"}
		return fn(c.Context(), args)
	}
}
