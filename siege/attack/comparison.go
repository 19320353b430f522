package attack

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/packetmq/packetmq/siege/client"
	"github.com/packetmq/packetmq/siege/target"
)

// calm is how much of all processors others may use while a bout counts as
// calm.
const calm = 0.2

// bout is a round without an attack, and one beside each of some attacks.
type comparisonRound struct {
	othersCPU float64 // how much of all processors others used: the most of any of its rounds
	alone     time.Duration
	beside    []time.Duration
}

// bouts are measured in turn, so that what else the machine does is much the
// same for all their rounds. Where others use the processors too, up to thrice
// as many are measured as are wanted, and those count during which they used
// the least: a loop that is as busy as a flood makes it gets its processor
// taken away by whatever else wants to run, and that is not what is measured.
type comparison struct {
	server *target.Server
	want   int
	all    []comparisonRound
}

func (b *comparison) done() bool {
	calmly := 0
	for _, x := range b.all {
		if x.othersCPU <= calm {
			calmly++
		}
	}
	return calmly >= b.want || len(b.all) >= 3*b.want
}

// counting are those that count.
func (b *comparison) counted() []comparisonRound {
	byBusy := slices.SortedStableFunc(slices.Values(b.all), func(x, y comparisonRound) int { return cmp.Compare(x.othersCPU, y.othersCPU) })
	return byBusy[:min(b.want, len(byBusy))]
}

// busy is how much of the processors others used at most while those were
// measured that count.
func (b *comparison) othersCPU() (most float64) {
	for _, x := range b.counted() {
		most = max(most, x.othersCPU)
	}
	return most
}

// stretch is d, longer by what it takes with the processor time that others
// left: twice as long where they used half, ten times at most.
func (b *comparison) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) / max(1-b.othersCPU(), 0.1))
}

// alone is the median of the rounds without an attack.
func (b *comparison) alone() time.Duration {
	var p99 []time.Duration
	for _, x := range b.counted() {
		p99 = append(p99, x.alone)
	}
	return median(p99)
}

// beside is the median of the rounds beside the i-th attack.
func (b *comparison) beside(i int) time.Duration { return median(b.besideRounds(i)) }

func (b *comparison) besideRounds(i int) (p99 []time.Duration) {
	for _, x := range b.counted() {
		p99 = append(p99, x.beside[i])
	}
	return p99
}

// fight adds a bout.
func (b *comparison) measure(ctx context.Context, alone func(context.Context) (time.Duration, error), attacks ...func(context.Context) (time.Duration, error)) error {
	var x comparisonRound
	round := func(measure func(context.Context) (time.Duration, error)) (p99 time.Duration, err error) {
		before, err := target.ReadCPU(b.server.PID())
		if err != nil {
			return 0, err
		}
		if p99, err = measure(ctx); err != nil {
			return 0, err
		}
		after, err := target.ReadCPU(b.server.PID())
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
	b.all = append(b.all, x)
	return nil
}

// median is of the p99s of rounds: one that other work on the machine spoils
// does not count.
func median(rounds []time.Duration) time.Duration { return client.Percentile(rounds, 50) }
