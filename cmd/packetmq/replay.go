package main

// The command replay: a capture, played to the program of which it is.

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/replay"
	"github.com/packetmq/packetmq/internal/command"
)

// errOtherwise is returned where the program did not do what it did then.
var errOtherwise = errors.New("the program does not do what it did then")

func newReplay(std command.IO) *cobra.Command {
	c := &cobra.Command{
		Use:   "replay FILE PACKAGE FUNC",
		Short: "play a capture to a program, and compare what it sends",
		Long: `Replay runs a program's handlers with what a capture has, in the same order and on the same
clock, and says where their output is another one than then. PACKAGE is named as for the go
command; FUNC is a function of it,

  func(r *engine.Reactor) capture.Program

which makes the program for a reactor, without listeners. It needs the go command.`,
		Example: "  packetmq replay sale.pmqcap ./shop newReplay",
		Args:    cobra.ExactArgs(3),
	}
	asJSON := jsonFlag(c, "one object")
	c.RunE = run(func(ctx context.Context, args []string) error {
		r, err := replay.Run(ctx, args[0], args[1], args[2])
		if errors.Is(err, replay.ErrFunction) {
			return command.UsageError{Err: err}
		}
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(std.Out, r)
		} else {
			printReplay(std.Out, r)
		}
		switch {
		case err != nil:
			return err
		case r.Err != "":
			return errors.New(r.Err)
		case len(r.Differences) > 0:
			return errOtherwise
		}
		return nil
	})
	return c
}

// printReplay prints what a replay has found.
func printReplay(w io.Writer, r *replay.Result) {
	for _, d := range r.Differences {
		fmt.Fprintln(w, clean(d))
	}
	fmt.Fprintf(w, "%d records of %d conns were played; %d bytes of output are as they were, %d differences\n",
		r.Records, r.Conns, r.Compared, len(r.Differences))
	if r.Unnamed > 0 {
		fmt.Fprintf(w, "%d posted functions came from outside and had no name, so they were not played\n", r.Unnamed)
	}
}
