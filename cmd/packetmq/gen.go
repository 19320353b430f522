package main

// The commands gen: code in other languages from Go source.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/remote"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/schema"
	"github.com/packetmq/packetmq/cmd/packetmq/internal/tsgen"
	"github.com/packetmq/packetmq/internal/command"
)

// errStale is returned by a check of a file that is not what would be written.
var errStale = errors.New("the file is not what the Go source says; run the command without --check")

func newGen(std command.IO) *cobra.Command {
	gen := &cobra.Command{
		Use:   "gen",
		Short: "write what Go source defines, in another language",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return command.Usagef("the language is missing: ts or json") },
	}
	gen.AddCommand(newGenTS(std), newGenJSON(std))
	return gen
}

func newGenTS(std command.IO) *cobra.Command {
	c := newGenOf(std, tsgen.Generate)
	c.Use = "ts PATTERN... [-o FILE]"
	c.Short = "write the packets, calls, states and types of Go packages as TypeScript"
	c.Long = `Ts reads Go packages, which PATTERN names as for the go command, and writes what they define
for packetmq as TypeScript for @packetmq/client. Names and ids must be constants. The same
source gives the same bytes.`
	c.Example = "  packetmq gen ts ./proto -o web/src/proto.ts\n  packetmq gen ts ./proto -o web/src/proto.ts --check"
	return c
}

func newGenJSON(std command.IO) *cobra.Command {
	c := newGenOf(std, packetsJSON)
	c.Use = "json PATTERN... [-o FILE]"
	c.Short = "write the packets of Go packages as JSON, for ping --against"
	c.Long = `Json reads Go packages as gen ts does, and writes their packets in the form of ping --json:
names, ids, and the hashes of their types' shapes.`
	c.Example = "  packetmq gen json ./proto -o packets.json\n  packetmq ping tcp://localhost:7000 --against packets.json"
	return c
}

// newGenOf makes a command that writes what generate makes of Go packages.
func newGenOf(std command.IO, generate func(*schema.Set) ([]byte, error)) *cobra.Command {
	var out string
	var check bool
	c := &cobra.Command{
		Args: cobra.MinimumNArgs(1),
		RunE: run(func(_ context.Context, patterns []string) error {
			if check && out == "" {
				return command.Usagef("--check needs -o, the file to look at")
			}
			set, err := schema.Read("", patterns...)
			if err != nil {
				return err
			}
			source, err := generate(set)
			if err != nil {
				return err
			}
			return put(source, out, check, std)
		}),
	}
	c.Flags().StringVarP(&out, "out", "o", "", "the `FILE` to write; standard output if it is missing")
	c.Flags().BoolVar(&check, "check", false, "write nothing, and fail if FILE is not what would be written")
	return c
}

// put writes what was generated to a file, or to standard output, or compares it with the
// file.
func put(source []byte, file string, check bool, std command.IO) error {
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

// packetsJSON are the packets of a set as JSON.
func packetsJSON(set *schema.Set) ([]byte, error) {
	packets := struct {
		Packets []remote.Packet `json:"packets"`
	}{packetsOf(set)}
	b, err := json.MarshalIndent(packets, "", "  ")
	return append(b, '\n'), err
}
