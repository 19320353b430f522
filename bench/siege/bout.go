package siege

import (
	"context"
	"time"
)

// calm is the p99 of a crowd that is alone on a machine with nothing else to
// do, at most.
const calm = 3 * time.Millisecond

// bout is a round without an attack, and one beside each of some attacks.
type bout struct {
	alone  time.Duration
	beside []time.Duration
}

// bouts are measured in turn, so that what else the machine does is the same
// for all. Only those count whose round without an attack was calm, and it goes
// on for up to thrice as many to get as many as are wanted; but if hardly any
// was, all do.
type bouts struct {
	want int
	all  []bout
}

func (b *bouts) done() bool {
	return len(b.calm()) >= b.want || len(b.all) >= 3*b.want
}

func (b *bouts) calm() (calmly []bout) {
	for _, x := range b.all {
		if x.alone <= calm {
			calmly = append(calmly, x)
		}
	}
	return calmly
}

// counting are those that count.
func (b *bouts) counting() []bout {
	if c := b.calm(); len(c) > b.want/2 {
		return c
	}
	return b.all
}

// alone is the median of the rounds without an attack.
func (b *bouts) alone() time.Duration {
	var p99 []time.Duration
	for _, x := range b.counting() {
		p99 = append(p99, x.alone)
	}
	return median(p99)
}

// beside is the median of the rounds beside the i-th attack.
func (b *bouts) beside(i int) time.Duration { return median(b.each(i)) }

func (b *bouts) each(i int) (p99 []time.Duration) {
	for _, x := range b.counting() {
		p99 = append(p99, x.beside[i])
	}
	return p99
}

// fight adds a bout.
func (b *bouts) fight(ctx context.Context, polite *crowd, length time.Duration, attacks ...func(context.Context) (time.Duration, error)) error {
	p99, err := polite.round(ctx, length)
	if err != nil {
		return err
	}
	x := bout{alone: p99}
	for _, attack := range attacks {
		if p99, err = attack(ctx); err != nil {
			return err
		}
		x.beside = append(x.beside, p99)
	}
	b.all = append(b.all, x)
	return nil
}
