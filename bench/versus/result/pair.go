package result

// Ratios of samples of the same round.

import "slices"

// Ratio returns a figure of one subject as a multiple of another's, under the same
// cell: the median over rounds of the ratio within each round. The two samples of a
// round were taken soon after each other, so what slows the machine down slows
// both. A ratio is known if both were measured in a round.
func (t *Table) Ratio(of, to Subject, c Cell, m Measure) Stat {
	return t.Quotient(m, []Key{{of, c}}, []Key{{to, c}})
}

// Quotient returns the median over rounds of a quotient: the product of a figure of
// some keys, divided by the product of that of others, all of the same round. A round
// counts as noisy if one of its samples is noisy.
func (t *Table) Quotient(m Measure, over, under []Key) Stat {
	var values []value
	for _, s := range t.byKey[over[0]] {
		if v, ok := t.quotient(m, s.Round, over, under); ok {
			values = append(values, v)
		}
	}
	return stat(values)
}

// quotient returns the quotient of one round. ok is false if a sample is missing.
func (t *Table) quotient(m Measure, round int, over, under []Key) (v value, ok bool) {
	v.of = 1
	for i, k := range slices.Concat(over, under) {
		s := t.in(round, k)
		switch {
		case s == nil:
			return v, false
		case i < len(over):
			v.of *= m(s)
		default:
			v.of /= m(s)
		}
		v.noisy = v.noisy || s.Noise > Quiet
	}
	return v, true
}

// in returns the sample of a round, or nil if there is none.
func (t *Table) in(round int, k Key) *Sample {
	for _, s := range t.byKey[k] {
		if s.Round == round {
			return s
		}
	}
	return nil
}
