package simtest

// Seeds: the flags of a simulation's tests, and the tests that each of them has.

import (
	"flag"
	"testing"
)

// Seeds are the flags -sim.seeds and -sim.seed of a test program.
type Seeds struct {
	where string // the package
	many  *int
	one   *uint64
}

// DefineSeeds defines the flags, for the tests of a package.
func DefineSeeds(where string) Seeds {
	return Seeds{
		where: where,
		many:  flag.Int("sim.seeds", 100, "run so many seeds"),
		one:   flag.Uint64("sim.seed", 0, "run only this one"),
	}
}

// enough is from how many seeds on a simulation looks whether all has happened that can.
const enough = 100

// Enough reports whether so many seeds are run that everything should have happened.
func (s Seeds) Enough() bool { return *s.one == 0 && *s.many >= enough }

// One is the only seed to run, or 0.
func (s Seeds) One() uint64 { return *s.one }

// Run runs the seeds that the flags ask for, until one fails: run returns what went wrong.
func (s Seeds) Run(t *testing.T, run func(t *testing.T, seed uint64) (failure string)) {
	t.Helper()
	first, last := uint64(1), uint64(*s.many)
	if *s.one != 0 {
		first, last = *s.one, *s.one
	}
	for n := first; n <= last; n++ {
		if failure := run(t, n); failure != "" {
			t.Fatalf("seed %d: %s\nreplay with: go test %s -run Sim -sim.seed=%d", n, failure, s.where, n)
		}
	}
}

// others are seeds that Run does not begin with.
const others = 1000

// Replays runs so many seeds twice each, and fails if the traces of two runs differ. It is skipped
// when one seed is to be run.
func (s Seeds) Replays(t *testing.T, seeds uint64, run func(t *testing.T, seed uint64) (trace uint64)) {
	t.Helper()
	if *s.one != 0 {
		t.Skip("one seed only")
	}
	for n := range seeds {
		if a, b := run(t, others+n), run(t, others+n); a != b {
			t.Errorf("two runs of seed %d differ", others+n)
		}
	}
}

// Notices runs 20 seeds for each thing that can be wrong with a world, and fails if fewer than
// least of them notice it. It is skipped when one seed is to be run.
func Notices[S any](t *testing.T, s Seeds, least int, wrong map[string]S, run func(t *testing.T, seed uint64, s S) (failure string)) {
	t.Helper()
	if *s.one != 0 {
		t.Skip("one seed only")
	}
	const seeds = 20
	for what, sabotage := range wrong {
		noticed := 0
		for n := range uint64(seeds) {
			if run(t, n+1, sabotage) != "" {
				noticed++
			}
		}
		if noticed < least {
			t.Errorf("%s was noticed in %d of %d runs", what, noticed, seeds)
		}
	}
}
