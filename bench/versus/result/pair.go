package result

import "slices"

// Ratio is what a figure of one subject is as a multiple of another's, under the
// same cell and in the same round: two samples that were taken soon after each
// other, so that what slows the machine down slows both. It is known where both
// were measured in a round.
func (t *Table) Ratio(of, to Subject, c Cell, m Measure) Stat {
	return t.Quotient(m, []Key{{of, c}}, []Key{{to, c}})
}

// Quotient is the median over rounds of the product of a figure of some, divided
// by that of others, all of the same round. A round counts as noisy if one of
// its samples is.
func (t *Table) Quotient(m Measure, over, under []Key) Stat {
	var values []value
	for _, s := range t.byKey[over[0]] {
		if v, ok := t.quotient(m, s.Round, over, under); ok {
			values = append(values, v)
		}
	}
	return stat(values)
}

// quotient is that of one round, if all were measured in it.
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

// in is the sample of a round; nil if there is none.
func (t *Table) in(round int, k Key) *Sample {
	for _, s := range t.byKey[k] {
		if s.Round == round {
			return s
		}
	}
	return nil
}
