package attack

// How the latency beside an attack is compared with that without it, on a machine
// that does other things too.

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
)

// calm is the largest share of all processors that other processes may use in a
// calm round. With a larger one, more of what others do is measured; with a smaller
// one, more rounds are needed.
const calm = 0.2

// comparisonRound has the 99th percentiles of one round: without an attack, and
// beside each attack.
type comparisonRound struct {
	othersCPU float64 // the largest share that others had of all processors in a part of the round
	alone     time.Duration
	beside    []time.Duration
}

// comparison is rounds in which no attack and each attack are measured in turns, so
// that what else the machine does is much the same for all. If other processes use
// the machine, up to three times as many rounds are measured as are wanted, and the
// calmest count. The reason: a flood keeps the server's processor busy, so another
// process that wants to run takes it away, and that is not what is measured.
type comparison struct {
	server *target.Server
	want   int
	all    []comparisonRound
}

// done reports whether there are enough rounds.
func (c *comparison) done() bool {
	calmly := 0
	for _, x := range c.all {
		if x.othersCPU <= calm {
			calmly++
		}
	}
	return calmly >= c.want || len(c.all) >= 3*c.want
}

// counted returns the rounds that count.
func (c *comparison) counted() []comparisonRound {
	byBusy := slices.SortedStableFunc(slices.Values(c.all), func(x, y comparisonRound) int { return cmp.Compare(x.othersCPU, y.othersCPU) })
	return byBusy[:min(c.want, len(byBusy))]
}

// othersCPU returns the largest share of the processors that other processes had
// in a round that counts.
func (c *comparison) othersCPU() (most float64) {
	for _, x := range c.counted() {
		most = max(most, x.othersCPU)
	}
	return most
}

// scale returns d, made longer by what other processes used: twice as long where
// they used half of the processors, ten times as long at most.
func (c *comparison) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) / max(1-c.othersCPU(), 0.1))
}

// alone returns the median of the rounds without an attack.
func (c *comparison) alone() time.Duration {
	var p99 []time.Duration
	for _, x := range c.counted() {
		p99 = append(p99, x.alone)
	}
	return median(p99)
}

// beside returns the median of the rounds beside the i-th attack.
func (c *comparison) beside(i int) time.Duration { return median(c.besideRounds(i)) }

// besideRounds returns the p99s beside the i-th attack.
func (c *comparison) besideRounds(i int) (p99 []time.Duration) {
	for _, x := range c.counted() {
		p99 = append(p99, x.beside[i])
	}
	return p99
}

// measure adds a round.
func (c *comparison) measure(ctx context.Context, alone func(context.Context) (time.Duration, error), attacks ...func(context.Context) (time.Duration, error)) error {
	var x comparisonRound
	round := func(measure func(context.Context) (time.Duration, error)) (p99 time.Duration, err error) {
		before, err := target.ReadCPU(c.server.PID())
		if err != nil {
			return 0, err
		}
		if p99, err = measure(ctx); err != nil {
			return 0, err
		}
		after, err := target.ReadCPU(c.server.PID())
		x.othersCPU = max(x.othersCPU, after.Others(before))
		return p99, err
	}
	var err error
	if x.alone, err = round(alone); err != nil {
		return err
	}
	for _, attack := range attacks {
		p99, err := round(attack)
		if err != nil {
			return err
		}
		x.beside = append(x.beside, p99)
	}
	c.all = append(c.all, x)
	return nil
}

// median returns the median of the p99s of rounds, which a single round that was
// disturbed does not change.
func median(rounds []time.Duration) time.Duration { return client.Percentile(rounds, 50) }
