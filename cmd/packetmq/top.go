package main

// The command top: what a peer does, in a terminal.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/packetmq/packetmq/cmd/packetmq/internal/console"
	"github.com/packetmq/packetmq/inspect"
	"github.com/packetmq/packetmq/internal/command"
)

// sortKeys are what conns can be sorted by, in the order in which a key goes through them.
var sortKeys = []string{"pending_out", "pending_in", "in", "out", "dropped", "rtt", "age", "conn"}

// topConfig is what the flags of top say.
type topConfig struct {
	addr    string
	from    *console.Console
	query   inspect.Query
	every   time.Duration
	updates int // 0: no end
}

func newTop(std command.IO) *cobra.Command {
	var at consoleFlags
	var cfg topConfig
	var plain bool
	c := &cobra.Command{
		Use:   "top ADDR",
		Short: "show what a peer does: its conns, packets and loops",
		Long: `Top shows the figures of a console, live, those conns first for whose other side the most waits.
In a terminal, s sorts by the next column, r turns the order round, / filters, tab shows the
packet types, q quits. Elsewhere it prints each update.

` + consoles,
		Example: "  packetmq top localhost:7070 --sort out\n  packetmq top localhost:7070 --json -n 1",
		Args:    cobra.ExactArgs(1),
	}
	at.define(c)
	fs := c.Flags()
	fs.StringVar(&cfg.query.Sort, "sort", sortKeys[0], "`KEY` to sort conns by: "+strings.Join(sortKeys, ", "))
	fs.BoolVar(&cfg.query.Ascending, "ascending", false, "the smallest first")
	fs.StringVar(&cfg.query.Filter, "filter", "", "show conns with this `TEXT` in their number, address, transport, state or version")
	fs.IntVar(&cfg.query.Rows, "rows", 0, "how many conns to show; 0: as many as there is room for")
	fs.DurationVar(&cfg.every, "every", time.Second, "the time between two updates")
	fs.IntVarP(&cfg.updates, "count", "n", 0, "end after so many updates; 0: do not")
	fs.BoolVar(&plain, "plain", false, "print each update, in a terminal too")
	asJSON := jsonFlag(c, "each update as an object, as the console has it")
	c.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(sortKeys, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = run(func(ctx context.Context, args []string) (err error) {
		if err := cfg.check(); err != nil {
			return err
		}
		cfg.addr = args[0]
		if cfg.from, err = at.open(args[0]); err != nil {
			return err
		}
		if *asJSON {
			return cfg.each(ctx, func(s *inspect.Snapshot) error { return printJSON(std.Out, s) })
		}
		if !plain && isTerminal(std.Out) && isTerminal(std.In) {
			return cfg.live(ctx, std)
		}
		return cfg.plain(ctx, std.Out)
	})
	return c
}

func (cfg *topConfig) check() error {
	switch {
	case !slices.Contains(sortKeys, cfg.query.Sort):
		return command.Usagef("--sort %q: want one of %s", cfg.query.Sort, strings.Join(sortKeys, ", "))
	case cfg.every <= 0:
		return command.Usagef("--every %v: want more than none", cfg.every)
	case cfg.updates < 0 || cfg.query.Rows < 0:
		return command.Usagef("--count and --rows cannot be below 0")
	}
	return nil
}

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// each calls f with each update.
func (cfg *topConfig) each(ctx context.Context, f func(*inspect.Snapshot) error) error {
	tick := time.NewTicker(cfg.every)
	defer tick.Stop()
	for n := 1; ; n++ {
		s, err := cfg.from.Snapshot(ctx, cfg.query)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = f(s)
		}
		if err != nil || n == cfg.updates {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// plain prints each update as text.
func (cfg *topConfig) plain(ctx context.Context, w io.Writer) error {
	const rows = 20
	v := view{addr: cfg.addr, query: cfg.query, rows: cfg.query.Rows}
	if v.rows == 0 {
		v.rows = rows
	}
	return cfg.each(ctx, func(s *inspect.Snapshot) error {
		v.take(s)
		_, err := fmt.Fprintln(w, v.text())
		return err
	})
}

// live shows the updates in a terminal, until the user quits or ctx is done.
func (cfg *topConfig) live(ctx context.Context, std command.IO, options ...tea.ProgramOption) error {
	m := newTopModel(ctx, cfg)
	options = append(options, tea.WithContext(ctx), tea.WithInput(std.In), tea.WithOutput(std.Out), tea.WithoutSignalHandler())
	end, err := tea.NewProgram(m, options...).Run()
	if ctx.Err() != nil || errors.Is(err, tea.ErrProgramKilled) {
		return nil
	}
	if m, ok := end.(*topModel); ok && err == nil {
		err = m.fatal
	}
	return err
}
