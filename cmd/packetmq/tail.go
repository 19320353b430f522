package main

// The command tail: the packets of one conn, as they come and go.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/console"
	"github.com/packetmq/packetmq/internal/command"
)

// errEnough ends a tail that has shown as many packets as it was to.
var errEnough = errors.New("enough")

func newTail(std command.IO) *cobra.Command {
	var at consoleFlags
	var conn uint64
	var packets []string
	var n int
	c := &cobra.Command{
		Use:   "tail ADDR --conn N",
		Short: "show the packets of one conn as they come and go",
		Long: `Tail shows the packets of one conn, decoded, until the conn ends, or until it is interrupted.
The console must allow actions; what is secret is not shown.

` + consoles,
		Example: "  packetmq tail localhost:7070 --conn 7 --packet 'chat:*'",
		Args:    cobra.ExactArgs(1),
	}
	at.define(c)
	c.Flags().Uint64Var(&conn, "conn", 0, "`N`umber of the conn, as top shows it")
	c.Flags().StringArrayVar(&packets, "packet", nil, "`PATTERN` of the packets to show, with * and ?; can be given several times. Default: all")
	c.Flags().IntVarP(&n, "count", "n", 0, "end after so many packets; 0: do not")
	asJSON := jsonFlag(c, "each packet as an object")
	c.RunE = run(func(ctx context.Context, args []string) error {
		if conn == 0 {
			return command.Usagef("--conn is missing")
		}
		from, err := at.open(args[0])
		if err != nil {
			return err
		}
		t := tail{w: std.Out, json: *asJSON, packets: packets, left: n}
		err = from.Trace(ctx, conn, t.show)
		if errors.Is(err, errEnough) || ctx.Err() != nil {
			return nil
		}
		return err
	})
	return c
}

// tail prints packets.
type tail struct {
	w       io.Writer
	json    bool
	packets []string // patterns; none: all
	left    int      // packets; 0 at the start: no end
}

// show prints a packet if it is one of those to show.
func (t *tail) show(p *console.Traced) error {
	matches := func(pattern string) bool { return glob(pattern, p.Packet) }
	if len(t.packets) > 0 && !slices.ContainsFunc(t.packets, matches) {
		return nil
	}
	if t.json {
		if err := printJSON(t.w, p); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintln(t.w, tailLine(p)); err != nil {
		return err
	}
	if t.left--; t.left == 0 {
		return errEnough
	}
	return nil
}

// tailLine is a packet in a line.
func tailLine(p *console.Traced) string {
	line := fmt.Sprintf("%s %-8s %s %d B", p.Time.Local().Format("15:04:05.000"), p.Direction, clean(p.Packet), p.Bytes)
	if p.Value != nil {
		line += " " + clean(string(p.Value))
	}
	if p.Note != "" {
		line += " (" + clean(p.Note) + ")"
	}
	if p.Skipped > 0 {
		line += fmt.Sprintf(" (%d before it were left out)", p.Skipped)
	}
	return line
}

// glob reports whether a name is that of a pattern, in which * stands for any text and ? for one
// byte.
func glob(pattern, name string) bool {
	for i := range len(pattern) {
		switch {
		case pattern[i] == '*':
			for j := i; j <= len(name); j++ {
				if glob(pattern[i+1:], name[j:]) {
					return true
				}
			}
			return false
		case i == len(name) || pattern[i] != '?' && pattern[i] != name[i]:
			return false
		}
	}
	return len(pattern) == len(name)
}
