package beside

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/montanaflynn/stats"
	"github.com/packetmq/packetmq/internal/command"
)

// Config is what to measure.
type Config struct {
	Rounds int           // of all three ways, in turns
	Window time.Duration // of each
	// Command runs Serve in a process of its own.
	Command func(how string) (name string, args []string)
	Err     io.Writer // that process's
}

// Result is one way's figures: medians over the rounds.
type Result struct {
	How      string
	P50, P99 time.Duration
	Max      time.Duration // of all rounds
	Ratio    float64       // of the p99 to that of one reactor in the same round
}

// Run measures all ways in turns.
func Run(ctx context.Context, cfg *Config) ([]Result, error) {
	ways := []string{One, Two, Keep}
	rounds := make([][][]time.Duration, len(ways)) // way, round: lateness
	for range cfg.Rounds {
		for i, how := range ways {
			late, err := cfg.round(ctx, how)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", how, err)
			}
			rounds[i] = append(rounds[i], late)
		}
	}
	var results []Result
	for i, how := range ways {
		r := Result{How: how}
		var p50, p99 []time.Duration
		var ratios []float64
		for n, late := range rounds[i] {
			p50 = append(p50, percentile(late, 50))
			p99 = append(p99, percentile(late, 99))
			ratios = append(ratios, float64(p99[n])/float64(percentile(rounds[0][n], 99)))
			r.Max = max(r.Max, slices.Max(late))
		}
		r.P50, r.P99, r.Ratio = percentile(p50, 50), percentile(p99, 50), percentile(ratios, 50)
		results = append(results, r)
	}
	return results, nil
}

func (cfg *Config) round(ctx context.Context, how string) ([]time.Duration, error) {
	name, args := cfg.Command(how)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOMAXPROCS=") })
	cmd.Stderr = cfg.Err
	in, out, err := command.Start(cmd)
	if err != nil {
		return nil, err
	}
	late, err := cfg.meet(ctx, out)
	in.Close()
	return late, errors.Join(err, cmd.Wait())
}

// meet measures the server that tells its addresses on out.
func (cfg *Config) meet(ctx context.Context, out io.Reader) ([]time.Duration, error) {
	var game, telemetry string
	if _, err := fmt.Fscanln(bufio.NewReader(out), &game, &telemetry); err != nil {
		return nil, err
	}
	late, err := measure(ctx, game, telemetry, cfg.Window)
	if err == nil && len(late) == 0 {
		err = errors.New("no snapshot came")
	}
	return late, err
}

// percentile returns the value that a share of v, in percent, is below. v is not
// empty.
func percentile[T float64 | time.Duration](v []T, share float64) T {
	p, _ := stats.Percentile(stats.LoadRawData(v), share) // it fails only without values
	return T(p)
}
