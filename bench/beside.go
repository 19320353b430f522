package bench

// The command beside: what package beside measures, as a table.

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/packetmq/packetmq/bench/beside"
	"github.com/packetmq/packetmq/internal/command"
	"github.com/packetmq/packetmq/internal/figures"
)

func besideCommand(ctx context.Context, args []string, std command.IO) error {
	fs := flag.NewFlagSet("beside", flag.ContinueOnError)
	rounds := fs.Int("rounds", 7, "rounds, each with all ways in turn")
	window := fs.Duration("window", 2*time.Second, "time that is measured, of each")
	serve := fs.String("serve", "", "be the server, in the way of this name, until standard input ends")
	if err := tool().Parse(fs, args, command.Arguments{}, std); err != nil {
		return err
	}
	if *serve != "" {
		return beside.Serve(ctx, *serve, std.In, std.Out)
	}
	if *rounds < 1 || *window < 100*time.Millisecond {
		return command.Usagef("--rounds is to be at least 1, --window at least 100ms")
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	results, err := beside.Run(ctx, &beside.Config{
		Rounds:  *rounds,
		Window:  *window,
		Command: func(how string) (string, []string) { return exe, []string{"beside", "--serve", how} },
		Err:     std.Err,
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(std.Out, "how late snapshots at 20 Hz are; medians of rounds, the last column by pairs of the same round")
	rows := [][]string{{"", "p50", "p99", "max", "p99 to that of one"}}
	for _, r := range results {
		rows = append(rows, []string{r.How, figures.Latency(r.P50), figures.Latency(r.P99), figures.Latency(r.Max), fmt.Sprintf("%.2f", r.Ratio)})
	}
	table(std.Out, rows)
	return nil
}
