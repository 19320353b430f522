package main

// The commands gen: code in other languages from Go source.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/schema"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/tsgen"
	"github.com/packetmq/packetmq/internal/command"
)

// errStale is returned by a check of a file that is not what would be written.
var errStale = errors.New("the file is not what the Go source says; run the command without --check")

func newGen(std command.IO) *cobra.Command {
	gen := &cobra.Command{
		Use:   "gen",
		Short: "write code in another language from Go source",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return command.Usagef("the language is missing: ts") },
	}
	gen.AddCommand(newGenTS(std))
	return gen
}

func newGenTS(std command.IO) *cobra.Command {
	var out string
	var check bool
	c := &cobra.Command{
		Use:   "ts PATTERN... [-o FILE]",
		Short: "write the packets, calls, states and types of Go packages as TypeScript",
		Long: `Ts reads Go packages, which PATTERN names as for the go command, and writes what they define
for packetmq as TypeScript for @packetmq/client. Names and ids must be constants. The same
source gives the same bytes.`,
		Example: "  packetmq gen ts ./proto -o web/src/proto.ts\n  packetmq gen ts ./proto -o web/src/proto.ts --check",
		Args:    cobra.MinimumNArgs(1),
		RunE: run(func(_ context.Context, patterns []string) error {
			if check && out == "" {
				return command.Usagef("--check needs -o, the file to look at")
			}
			return genTS(patterns, out, check, std)
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", "the `FILE` to write; standard output if it is missing")
	c.Flags().BoolVar(&check, "check", false, "write nothing, and fail if FILE is not what would be written")
	return c
}

// genTS writes the TypeScript of the packages to a file, or to standard output, or compares it
// with the file.
func genTS(patterns []string, file string, check bool, std command.IO) error {
	set, err := schema.Read("", patterns...)
	if err != nil {
		return err
	}
	source, err := tsgen.Generate(set)
	if err != nil {
		return err
	}
	if file == "" {
		_, err := std.Out.Write(source)
		return err
	}
	before, err := os.ReadFile(file)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && bytes.Equal(before, source):
		return nil // as it is: what builds by times has nothing to do
	case check:
		return fmt.Errorf("%s: %w", file, errStale)
	}
	return os.WriteFile(file, source, 0o666)
}
