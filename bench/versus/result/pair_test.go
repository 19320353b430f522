package result

import "testing"

// at is a sample of a round.
func at(round int, s Sample) Sample {
	s.Round = round
	return s
}

func TestRatio(t *testing.T) {
	failed := sample(ours, cell, 1, 0)
	failed.Failure = "it fell over"
	none := sample(base, cell, 1, 0)
	none.Packets, none.ServerCPU = 0, 0
	// pair is a round in which a packet costs so much.
	pair := func(round int, a, b int64, noise float64) []Sample {
		return []Sample{at(round, sample(ours, cell, a, noise)), at(round, sample(base, cell, b, 0))}
	}
	join := func(all ...[]Sample) (samples []Sample) {
		for _, s := range all {
			samples = append(samples, s...)
		}
		return samples
	}
	for _, tc := range []struct {
		name    string
		samples []Sample
		want    Stat
	}{
		{"none", nil, Stat{}},
		{"one round", pair(0, 30, 20, 0), Stat{1.5, 1.5, 1.5, 1, 0}},
		{"what slows both is in neither", join(pair(0, 30, 20, 0), pair(1, 300, 200, 0), pair(2, 15, 10, 0)), Stat{1.5, 1.5, 1.5, 3, 0}},
		{"quartiles", join(pair(0, 10, 10, 0), pair(1, 20, 10, 0), pair(2, 30, 10, 0), pair(3, 40, 10, 0), pair(4, 50, 10, 0)), Stat{3, 2, 4, 5, 0}},
		{"in any order", join(pair(1, 30, 10, 0), pair(0, 10, 10, 0)), Stat{2, 1.5, 2.5, 2, 0}},
		{"rounds without the other", join(pair(0, 20, 10, 0), []Sample{at(1, sample(ours, cell, 90, 0)), at(2, sample(base, cell, 1, 0))}), Stat{2, 2, 2, 1, 0}},
		{"no round in common", []Sample{at(0, sample(ours, cell, 90, 0)), at(1, sample(base, cell, 1, 0))}, Stat{}},
		{"failures", join(pair(0, 20, 10, 0), []Sample{at(1, failed), at(1, sample(base, cell, 1, 0))}), Stat{2, 2, 2, 1, 0}},
		{"one that is marked marks the pair", join(pair(0, 90, 10, 1), pair(1, 20, 10, 0)), Stat{2, 2, 2, 2, 1}},
		{"whichever it is", []Sample{at(0, sample(ours, cell, 90, 0)), at(0, sample(base, cell, 10, 1)), at(1, sample(ours, cell, 20, 0)), at(1, sample(base, cell, 10, 0))}, Stat{2, 2, 2, 2, 1}},
		{"most are marked", join(pair(0, 90, 10, 1), pair(1, 80, 10, 1), pair(2, 20, 10, 0)), Stat{8, 5, 8.5, 3, 2}},
		{"no cost", []Sample{at(0, sample(ours, cell, 1, 0)), at(0, none)}, Stat{}},
	} {
		got := NewTable(&File{Samples: tc.samples}).Ratio(ours, base, cell, (*Sample).PerPacket)
		if got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// How much more ours grows than the base, round by round.
func TestQuotient(t *testing.T) {
	few, many := Cell{Group: Growth, Conns: 64}, Cell{Group: Growth, Conns: 10000}
	var samples []Sample
	for round, cost := range []int64{10, 20, 70} {
		samples = append(samples,
			at(round, sample(ours, many, 6*cost, 0)), at(round, sample(ours, few, 2*cost, 0)),
			at(round, sample(base, many, 4*cost, 0)), at(round, sample(base, few, 2*cost, 0)))
	}
	table := NewTable(&File{Samples: samples[:len(samples)-1]}) // the last round is not whole
	got := table.Quotient((*Sample).PerPacket, []Key{{ours, many}, {base, few}}, []Key{{ours, few}, {base, many}})
	if want := (Stat{1.5, 1.5, 1.5, 2, 0}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
