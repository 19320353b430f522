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
	rounds := make([][][]time.Duration, len(ways)) // way, round: lateness, sorted
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
			p50 = append(p50, quantile(late, 50))
			p99 = append(p99, quantile(late, 99))
			ratios = append(ratios, float64(p99[n])/float64(quantile(rounds[0][n], 99)))
			r.Max = max(r.Max, late[len(late)-1])
		}
		r.P50, r.P99, r.Ratio = median(p50), median(p99), median(ratios)
		results = append(results, r)
	}
	return results, nil
}

func (cfg *Config) round(ctx context.Context, how string) ([]time.Duration, error) {
	name, args := cfg.Command(how)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOMAXPROCS=") })
	cmd.Stderr = cfg.Err
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
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
	slices.Sort(late)
	return late, err
}

// quantile is the nth of a hundred; sorted is not empty.
func quantile(sorted []time.Duration, n int) time.Duration { return sorted[(len(sorted)-1)*n/100] }

// median is of what is not empty.
func median[T float64 | time.Duration](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}
